/** A line of its own ends a document. */
const END_OF_DOCUMENT = /(?:^|\r?\n)<\|endoftext\|>(?=\r?\n|$)/;

/**
 * The documents of an evaluation text, literally, without the line breaks around a separating line. Empty ones are left
 * out.
 */
export function splitDocuments(text: string): string[] {
  return text
    .split(END_OF_DOCUMENT)
    .map((part, index) => (index === 0 ? part : part.replace(/^\r?\n/, '')))
    .filter((document) => document !== '');
}

/**
 * Cuts each document's ids into windows of `contextSize` that do not overlap. A window never spans two documents. Each
 * begins with BOS, which is not scored; where the vocabulary has none (`bosId` null), the first token of a window goes
 * unscored instead. Windows in which nothing would be scored are left out.
 */
export function makeWindows(
  documents: readonly (readonly number[])[],
  contextSize: number,
  bosId: number | null,
): number[][] {
  const begin = bosId === null ? [] : [bosId];
  const stride = contextSize - begin.length;
  const windows: number[][] = [];
  if (contextSize < 2) return windows;
  for (const ids of documents) {
    for (let start = 0; start < ids.length; start += stride) {
      const window = [...begin, ...ids.slice(start, start + stride)];
      if (window.length > 1) windows.push(window);
    }
  }
  return windows;
}
