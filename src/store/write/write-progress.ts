/** Stops a long write, and reports its progress. */
export interface WriteProgress {
  signal: AbortSignal | undefined;
  /** Called after each piece written. */
  onPiece: () => void;
}
