import { type SpelledToken, TokenTrie } from './token-trie.js';

/** Characters of a plain token at most; longer ones are walked through. */
const MOST_CHARACTERS = 16;

/**
 * The tokens of a vocabulary, sorted for constraints. Most are plain: whole characters that stand in a JSON string as
 * they are. Inside a string all of these may come, so they need no walk.
 */
export class TokenTable {
  readonly vocabSize: number;
  readonly all: TokenTrie;
  /** Those that are not plain. */
  readonly others: TokenTrie;
  /** Item k: the plain tokens of at most k characters, a bit each. `[MOST_CHARACTERS + 1][words]` */
  readonly #plain: Uint32Array[];

  /** `bytes` gives the text of a token, empty for those that are no text. */
  constructor(vocabSize: number, bytes: (id: number) => Uint8Array) {
    this.vocabSize = vocabSize;
    this.#plain = Array.from({ length: MOST_CHARACTERS + 1 }, () => new Uint32Array(this.words));
    const tokens: SpelledToken[] = [];
    const others: SpelledToken[] = [];
    for (let id = 0; id < vocabSize; id++) {
      const token = { id, bytes: bytes(id) };
      if (token.bytes.length === 0) continue;
      tokens.push(token);
      const characters = plainCharacters(token.bytes);
      if (characters === null) others.push(token);
      else for (let k = characters; k <= MOST_CHARACTERS; k++) allow(this.#plain[k], id);
    }
    this.all = new TokenTrie(tokens);
    this.others = new TokenTrie(others);
  }

  /** Words of a mask with a bit for each token. */
  get words(): number {
    return Math.ceil(this.vocabSize / 32);
  }

  /** The plain tokens of at most so many characters. */
  plain(characters: number): Uint32Array {
    return this.#plain[Math.min(characters, MOST_CHARACTERS)];
  }
}

export const allow = (mask: Uint32Array, id: number): void => {
  mask[id >> 5] |= 1 << (id & 31);
};

export const isAllowed = (mask: Uint32Array, id: number): boolean => (mask[id >> 5] & (1 << (id & 31))) !== 0;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The number of characters of a plain token; null where it is none. */
function plainCharacters(bytes: Uint8Array): number | null {
  if (bytes.some((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c)) return null;
  try {
    const { length } = [...decoder.decode(bytes)];
    return length <= MOST_CHARACTERS ? length : null;
  } catch {
    return null;
  }
}
