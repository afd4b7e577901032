export interface Damage {
  file: string;
  /** Null where the damage lies in no layer. */
  layer: number | null;
  bundle: number | null;
  /** Where the damaged run (a segment of a bundle, a tensor, a file) begins; in padding, the damaged byte itself. */
  offset: number;
}

export interface Verification {
  ok: boolean;
  /** Bundles read and compared with their checksums. */
  bundles: number;
  /** Bundles in external files, which have no checksums: only that they are there and can be read is known. */
  unchecked: number;
  /** Bytes read and compared. */
  bytes: number;
  /** In file order; null when ok. */
  firstBad: Damage | null;
}
