export interface RooflineInput {
  /** Bytes from disk per token. */
  deviceBytes: number;
  /** Bytes of the feed-forward network that one token multiplies with. */
  touchedBytes: number;
  /** Bytes of the resident half that one token multiplies with. */
  denseBytes: number;
  /** Bytes/s. */
  diskSpeed: number;
  memorySpeed: number;
}

export interface Roofline {
  diskMs: number;
  touchMs: number;
  denseMs: number;
  /**
   * max(disk, touch) + dense. Reads and the feed-forward work go on at the same time; the resident half comes on top.
   */
  tokenMs: number;
}

/**
 * The shortest time that a token can take on this machine with these reads (Williams et al., Roofline, 2009, with bytes
 * alone).
 */
export function roofline({ deviceBytes, touchedBytes, denseBytes, diskSpeed, memorySpeed }: RooflineInput): Roofline {
  const diskMs = (deviceBytes / diskSpeed) * 1e3;
  const touchMs = (touchedBytes / memorySpeed) * 1e3;
  const denseMs = (denseBytes / memorySpeed) * 1e3;
  return { diskMs, touchMs, denseMs, tokenMs: Math.max(diskMs, touchMs) + denseMs };
}
