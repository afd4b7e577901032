export interface Damage {
  file: string;
  /** Null where the damage is in no layer. */
  layer: number | null;
  bundle: number | null;
  /** The start of the damaged run (a segment of a bundle, a tensor, a file). In padding: the damaged byte itself. */
  offset: number;
  /** What is wrong, in a sentence, where no checksum tells: a file that has changed since, a manifest. */
  reason?: string;
}

export interface Verification {
  ok: boolean;
  /** Bundles read and compared with their checksums. */
  bundles: number;
  /**
   * Bundles in external files. They have no checksums, so what is checked is that they are there, and that the file's
   * header, size and time of writing are those of when the store was made.
   */
  unchecked: number;
  /** Bytes read and compared. */
  bytes: number;
  /** The first damage in file order; null where `ok` is true. */
  firstBad: Damage | null;
}
