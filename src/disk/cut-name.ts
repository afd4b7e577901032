/** Bytes that a name may have on the common file systems. */
export const MAX_NAME_BYTES = 255;

/** The start of a file's name, at most `maxBytes` bytes of UTF-8, cut between characters. */
export function cutName(name: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(name)) {
    bytes += Buffer.byteLength(segment);
    if (bytes > maxBytes) break;
    kept += segment;
  }
  return kept;
}
