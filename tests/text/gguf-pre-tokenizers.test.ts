import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';
import { textFromGguf } from '../../dist/src/text/gguf/from-gguf.js';
import { preTokenizerOf } from '../../dist/src/text/gguf/gguf-pre-tokenizers.js';
import { createPreTokenizer } from '../../dist/src/text/pre-tokenizer.js';

/** What golden/pre_tokenizers.py had the Rust library cut and encode. */
const golden = JSON.parse(readFileSync(new URL('../golden/pre-tokenizers.json', import.meta.url), 'utf8')) as {
  texts: string[];
  pieces: Record<string, string[][]>;
  gemma4: { tokens: string[]; merges: string[]; texts: string[]; ids: number[][] };
};

describe('pre-tokenizers of GGUF files', () => {
  it.each(Object.keys(golden.pieces))('the patterns of %s cut as the Rust library does', (name) => {
    const pretokenizers = preTokenizerOf(name).pattern.map((Regex) => ({
      ...{ type: 'Split', pattern: { Regex } },
      ...{ behavior: 'Isolated', invert: false },
    }));
    const cut = createPreTokenizer({ type: 'Sequence', pretokenizers });
    golden.texts.forEach((text, at) => {
      expect([...cut(text, true)], JSON.stringify(text)).toEqual(golden.pieces[name][at]);
    });
  });
});

interface PeerVocabulary {
  tokens: string[];
  merges: string[];
  answers: { names: string[]; ids: number[][] }[];
}

/** What llama.cpp made of some texts: see golden/llama_pre_tokenizers.mjs. */
const peer = JSON.parse(readFileSync(new URL('../golden/llama-pre-tokenizers.json', import.meta.url), 'utf8')) as {
  texts: string[];
  bytes: PeerVocabulary;
  characters: PeerVocabulary;
};

/** A GGUF vocabulary. Its tokens are normal ones. */
const vocabulary = (pre: string, { tokens, merges }: Pick<PeerVocabulary, 'tokens' | 'merges'>, model = 'gpt2') =>
  ({
    ...{ model, pre, name: 'small', tokens, types: tokens.map(() => 1), merges, scores: [], warnings: [] },
    ...{ bosId: null, eosId: null, unknownId: null, addBos: null, addEos: false, addSpacePrefix: false },
    ...{ suppressedIds: [], chatTemplate: null, sampling: {}, eotId: null, eomId: null },
  }) as unknown as Parameters<typeof textFromGguf>[0];

describe.each([
  ['bytes', peer.bytes],
  ['characters', peer.characters],
] as const)('pre-tokenizers of %s', (_, of) => {
  it.each(of.answers.flatMap(({ names, ids }) => names.map((name) => [name, ids] as const)))(
    '%s gives the ids of llama.cpp',
    (name, ids) => {
      const { tokenizer, text } = textFromGguf(vocabulary(name, of));
      const loaded = loadTokenizer(tokenizer, text);
      peer.texts.forEach((one, at) => {
        const encoded = loaded.encode(one, { addBos: false, addEos: false, parseSpecial: false });
        expect(encoded, JSON.stringify(one)).toEqual(ids[at]);
        expect(loaded.decode(encoded)).toBe(one);
      });
    },
  );
});

describe("Gemma 4's tokenizer in a GGUF file", () => {
  const { tokens, merges, texts, ids } = golden.gemma4;
  const types = tokens.map((token, id) => {
    if (id < 4) return token === '<unk>' ? 2 : 3;
    return token.endsWith('turn>') || token === '<turn|>' ? 4 : /^<0x..>$/.test(token) ? 6 : 1;
  });
  const { tokenizer, text } = textFromGguf({
    ...{ model: 'gemma4', pre: 'gemma4', name: 'gemma', tokens, types, merges, scores: [], warnings: [] },
    ...{ bosId: 2, eosId: 1, unknownId: 3, addBos: true, addEos: false, addSpacePrefix: false },
    ...{ suppressedIds: [], chatTemplate: null, sampling: {}, eotId: null, eomId: null },
  } as unknown as Parameters<typeof textFromGguf>[0]);
  const loaded = loadTokenizer(tokenizer, text);

  it('gives the ids of the Rust library, and decodes them again', () => {
    texts.forEach((one, at) => {
      const encoded = loaded.encode(one, { addBos: false, addEos: false, parseSpecial: true });
      expect(encoded, JSON.stringify(one)).toEqual(ids[at]);
      // What ends a turn is no text.
      expect(loaded.decode(encoded)).toBe(one.replace('<turn|>', ''));
    });
  });

  it('begins with BOS although the file says otherwise, as in llama.cpp, and says so', () => {
    const { text: told } = textFromGguf({
      ...vocabulary('gemma4', { tokens, merges }, 'gemma4'),
      bosId: 2,
      addBos: false,
    });
    expect(told).toMatchObject({ addBos: true, warnings: [expect.stringContaining('add_bos_token')] });
  });

  it('begins with BOS, and writes turns out', () => {
    expect(loaded.addBos).toBe(true);
    expect(loaded.encode('hello', { addBos: true, addEos: false, parseSpecial: false })[0]).toBe(2);
    expect(new TextDecoder().decode(loaded.bytes(4))).toBe('<|turn>');
  });
});
