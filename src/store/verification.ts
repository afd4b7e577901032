export interface Damage {
  file: string;
  /** Null where the damage is in no layer. */
  layer: number | null;
  bundle: number | null;
  /** The start of the damaged run (a segment of a bundle, a tensor, a file). In padding: the damaged byte itself. */
  offset: number;
}

export interface Verification {
  ok: boolean;
  /** Bundles read and compared with their checksums. */
  bundles: number;
  /** Bundles in external files. They have no checksums, so only their presence is checked. */
  unchecked: number;
  /** Bytes read and compared. */
  bytes: number;
  /** The first damage in file order; null where `ok` is true. */
  firstBad: Damage | null;
}
