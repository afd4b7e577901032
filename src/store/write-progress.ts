/** How a long write hears that it should stop, and says how far it is. */
export interface WriteProgress {
  signal: AbortSignal | undefined;
  /** Called with the bytes of each piece written. */
  onBytes: (bytes: number) => void;
}
