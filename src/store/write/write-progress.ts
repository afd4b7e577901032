/** How a long write hears that it should stop, and says that it is further. */
export interface WriteProgress {
  signal: AbortSignal | undefined;
  /** Called after each piece written. */
  onPiece: () => void;
}
