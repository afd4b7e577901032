/** A document ends with this text on a line of its own. */
const END_OF_DOCUMENT = /(?:^|\r?\n)<\|endoftext\|>(?=\r?\n|$)/;

/** The documents of an evaluation text, without the line breaks around a separator. Empty documents are left out. */
export function splitDocuments(text: string): string[] {
  return text
    .split(END_OF_DOCUMENT)
    .map((part, index) => (index === 0 ? part : part.replace(/^\r?\n/, '')))
    .filter((document) => document !== '');
}

/**
 * Cuts each document's ids into windows of `contextSize` tokens without overlap. A window never spans two documents.
 * Each window begins with BOS, which is not scored. Without BOS (`bosId` null) the window's first token is not scored.
 * Windows without a scored token are left out.
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
