/** A token whose bytes are text. */
export interface SpelledToken {
  id: number;
  bytes: Uint8Array;
}

/**
 * The tokens of a vocabulary by their first bytes. Nodes lie in the order in which a walk meets them, so that what
 * begins with refused bytes is skipped at one go.
 */
export class TokenTrie {
  /** Per node its byte, its depth from 1 on, and the node after all that begin with it. */
  readonly bytes: Uint8Array;
  readonly depths: Uint16Array;
  readonly ends: Uint32Array;
  /** Per node the first of its tokens in `ids`; the next node's first is the end. `[nodes + 1]` */
  readonly firstIds: Uint32Array;
  readonly ids: Uint32Array;
  readonly longest: number;

  constructor(tokens: readonly SpelledToken[]) {
    const sorted = tokens.filter(({ bytes }) => bytes.length > 0).sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    const [bytes, depths, ends, firstIds, ids]: number[][] = [[], [], [], [], []];
    const open: number[] = [];
    const closeTo = (depth: number) => {
      while (open.length > depth) ends[open.pop()!] = bytes.length;
    };
    let last: Uint8Array = new Uint8Array(0);
    let longest = 0;
    for (const token of sorted) {
      const shared = commonLength(last, token.bytes);
      closeTo(shared);
      for (let depth = shared; depth < token.bytes.length; depth++) {
        open.push(bytes.push(token.bytes[depth]) - 1);
        depths.push(depth + 1);
        firstIds.push(ids.length);
      }
      ids.push(token.id);
      last = token.bytes;
      longest = Math.max(longest, last.length);
    }
    closeTo(0);
    firstIds.push(ids.length);
    this.bytes = Uint8Array.from(bytes);
    this.depths = Uint16Array.from(depths);
    this.ends = Uint32Array.from(ends);
    this.firstIds = Uint32Array.from(firstIds);
    this.ids = Uint32Array.from(ids);
    this.longest = longest;
  }
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
