import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../dist/src/errors.js';
import { openCheckpoint, openVocabulary } from '../../dist/src/import/open.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { type Entry, type Gguf, list, type Tensor, TYPES, tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { expectFailure, expectSound, failure, random, scratchFolder } from './support.js';

const folder = scratchFolder();
const path = join(folder, 'tiny.gguf');

/** Opens the tiny model after `change` has been made to it. */
function open(change: (gguf: Gguf) => void) {
  const gguf = tinyLlama();
  change(gguf);
  writeFileSync(path, writeGguf(gguf).file);
  return openCheckpoint(path);
}
const set = (gguf: Gguf, key: string, type: number, value: unknown) => {
  const entry: Entry = [key, type, value];
  const at = gguf.entries.findIndex(([other]) => other === key);
  if (at < 0) gguf.entries.push(entry);
  else gguf.entries[at] = entry;
};
const setTokens = (gguf: Gguf, characters: string) =>
  set(gguf, 'tokenizer.ggml.tokens', TYPES.array, list(TYPES.string, [...characters]));
const remove = (gguf: Gguf, key: string) => {
  gguf.entries = gguf.entries.filter(([other]) => other !== key);
};
const tensor = (gguf: Gguf, name: string): Tensor => gguf.tensors.find((other) => other.name === name)!;

describe('a tiny GGUF model, written by the test', () => {
  it('opens, tied, with a value of 64 bits in its metadata', () => {
    const checkpoint = open(() => {});
    expectSound(checkpoint);
    expect(checkpoint.spec).toMatchObject({
      name: 'tiny',
      vocabSize: 16,
      numLayers: 1,
      headDim: 4,
      tiedEmbeddings: true,
    });
    expect(checkpoint.vocabulary).toMatchObject({
      tokens: [...'abcdefghijklmnop'],
      merges: ['a b', 'c d'],
      scores: [],
      bosId: 1,
      addBos: true,
    });
  });

  it('opens as version 2, and with another alignment', () => {
    const digests = [
      open((gguf) => (gguf.version = 2)),
      open((gguf) => {
        gguf.alignment = 128;
        set(gguf, 'general.alignment', TYPES.u32, 128);
      }),
    ].map((checkpoint) => {
      expectSound(checkpoint);
      return checkpoint.digest;
    });
    expect(digests[0]).not.toBe(digests[1]);
  });

  it('opens without its block that predicts further tokens, where it says that it has one', () => {
    const plain = open(() => {});
    const checkpoint = open((gguf) => {
      set(gguf, 'llama.block_count', TYPES.u32, 2);
      set(gguf, 'llama.nextn_predict_layers', TYPES.u32, 1);
      gguf.tensors.push({ name: 'blk.1.nextn.eh_proj.weight', dimensions: [16, 8], type: 0, bytes: 512 });
    });
    expect(checkpoint.spec.numLayers).toBe(1);
    expect([...checkpoint.tensors.keys()]).toEqual([...plain.tensors.keys()]);
  });

  it('gives another digest when a tensor is trained further', () => {
    const before = open(() => {});
    const file = readFileSync(path);
    const { offset, bytes } = before.tensors.get('layers.0.v')!;
    file.fill(1, offset, offset + bytes);
    writeFileSync(path, file);
    expect(openCheckpoint(path).digest).not.toBe(before.digest);
  });

  it('is refused as CORRUPT when cut at any byte', () => {
    const { file } = writeGguf(tinyLlama());
    const lastTensorEnd = file.length;
    writeFileSync(path, file);
    for (let length = lastTensorEnd - 1; length >= 4; length--) {
      truncateSync(path, length);
      expect(failure(() => openCheckpoint(path)).code, `cut to ${length} bytes`).toBe('CORRUPT');
    }
    truncateSync(path, 3);
    expect(failure(() => openCheckpoint(path)).code).toBe('UNSUPPORTED');
    truncateSync(path, 0);
    expect(failure(() => openCheckpoint(path)).code).toBe('UNSUPPORTED');
  });
});

const HUGE = [2n ** 63n, 2n ** 64n - 1n, 2n ** 53n + 1n, 2n ** 53n - 1n, 2n ** 32n, 2n ** 31n];
const words = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

describe.each(HUGE)('a length of %d', (huge) => {
  it.each<[string, (gguf: Gguf) => void]>([
    ['tensors', (gguf) => (gguf.numTensors = huge)],
    ['metadata entries', (gguf) => (gguf.numEntries = huge)],
    ['a string', (gguf) => set(gguf, 'x', TYPES.string, words(huge))],
    ['a list of bytes', (gguf) => set(gguf, 'x', TYPES.array, list(TYPES.u8, [1], huge))],
    ['a list of strings', (gguf) => set(gguf, 'tokenizer.ggml.tokens', TYPES.array, list(TYPES.string, ['a'], huge))],
    ['a string in a list', (gguf) => set(gguf, 'x', TYPES.array, list(TYPES.string, [words(huge)]))],
    ['a dimension', (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').dimensions = [8, huge])],
    ['every dimension', (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').dimensions = [huge, huge, huge, huge])],
    ['an offset', (gguf) => (tensor(gguf, 'output_norm.weight').offset = huge - (huge % 32n))],
  ])('for %s is CORRUPT', (_, change) => {
    expect(failure(() => open(change)).code).toBe('CORRUPT');
  });
});

describe('a damaged or foreign GGUF file', () => {
  it.each<[string, ErrorCode, RegExp, (gguf: Gguf) => void]>([
    ['of version 1', 'UNSUPPORTED', /version 1\b/, (gguf) => (gguf.version = 1)],
    ['of version 4', 'UNSUPPORTED', /version 4;/, (gguf) => (gguf.version = 4)],
    ['of the other byte order', 'UNSUPPORTED', /big endian/, (gguf) => (gguf.version = 0x03000000)],
    [
      'with a key twice',
      'CORRUPT',
      /"general.name".*twice/,
      (gguf) => gguf.entries.push(['general.name', TYPES.u32, 1]),
    ],
    ['with a tensor twice', 'CORRUPT', /"output_norm.weight".*twice/, (gguf) => gguf.tensors.push(gguf.tensors[10])],
    ['with an unknown value type', 'CORRUPT', /unknown type 77/, (gguf) => set(gguf, 'x', 77, 0)],
    ['with an unknown list type', 'CORRUPT', /unknown type 13/, (gguf) => set(gguf, 'x', TYPES.array, list(13, [1]))],
    [
      'with lists in lists',
      'CORRUPT',
      /list of lists/,
      (gguf) => {
        let nested = list(TYPES.u8, [1]);
        for (let depth = 0; depth < 1000; depth++) nested = list(TYPES.array, [nested]);
        set(gguf, 'x', TYPES.array, nested);
      },
    ],
    ['with a boolean of 2', 'CORRUPT', /true or false/, (gguf) => set(gguf, 'x', TYPES.bool, 2)],
    [
      'with text that is not UTF-8',
      'CORRUPT',
      /not UTF-8/,
      (gguf) => set(gguf, 'general.name', TYPES.string, Buffer.concat([words(2n), Buffer.from([0xc3, 0x28])])),
    ],
    [
      'with a tensor name that is not UTF-8',
      'CORRUPT',
      /not UTF-8/,
      (gguf) => (gguf.tensors[3].name = Buffer.from([0xff])),
    ],
    [
      'with NUL in a tensor name',
      'CORRUPT',
      /"blk.0.attn_k.weight" is missing/,
      (gguf) => (tensor(gguf, 'blk.0.attn_k.weight').name = 'blk.0.attn_k.weight\0'),
    ],
    [
      'with .. for a tensor name',
      'CORRUPT',
      /"blk.0.attn_k.weight" is missing/,
      (gguf) => (tensor(gguf, 'blk.0.attn_k.weight').name = '../../etc/passwd'),
    ],
    ['with no dimensions', 'CORRUPT', /0 dimensions/, (gguf) => (gguf.tensors[0].dimensions = [])],
    ['with five dimensions', 'CORRUPT', /5 dimensions/, (gguf) => (gguf.tensors[0].dimensions = [1, 1, 1, 1, 1])],
    ['with a dimension of 0', 'CORRUPT', /cannot be/, (gguf) => (gguf.tensors[0].dimensions = [8, 0])],
    [
      'with a matrix turned round',
      'CORRUPT',
      /"blk.0.ffn_down.weight" is of shape \[12, 8\]; \[8, 12\] was expected/,
      (gguf) => tensor(gguf, 'blk.0.ffn_down.weight').dimensions.reverse(),
    ],
    [
      'with a vector for a matrix',
      'CORRUPT',
      /"blk.0.attn_q.weight" is of shape \[64\]; \[8, 8\]/,
      (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').dimensions = [64]),
    ],
    [
      'with an embedding that is no matrix',
      'CORRUPT',
      /token_embd.weight.*should be a matrix/,
      (gguf) => (gguf.tensors[0].dimensions = [128]),
    ],
    ['without an embedding', 'CORRUPT', /token_embd.weight" is missing/, (gguf) => gguf.tensors.shift()],
    ['with a misaligned tensor', 'CORRUPT', /not a multiple of 32/, (gguf) => (gguf.tensors[10].offset = 4)],
    [
      'with overlapping tensors',
      'CORRUPT',
      /"blk.0.ffn_up.weight" overlaps|"blk.0.ffn_gate.weight" overlaps/,
      (gguf) => (tensor(gguf, 'blk.0.ffn_up.weight').offset = 1632 - (1632 % 32)),
    ],
    ['with two tensors in one place', 'CORRUPT', /overlaps tensor/, (gguf) => (gguf.tensors[1].offset = 0)],
    ['with an alignment of 48', 'CORRUPT', /power of two/, (gguf) => set(gguf, 'general.alignment', TYPES.u32, 48)],
    ['with an alignment of 0', 'CORRUPT', /general.alignment/, (gguf) => set(gguf, 'general.alignment', TYPES.u32, 0)],
    [
      'with blocks that do not fit a row',
      'CORRUPT',
      /Q8_0 comes in blocks of 32/,
      (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').type = 8),
    ],
    [
      'with blocks of fifth bits that do not fit a row',
      'CORRUPT',
      /"blk.0.attn_q.weight" has rows of \d+ weights; Q5_1 comes in blocks of 32/,
      (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').type = 7),
    ],
    [
      'with super-blocks of three bits that do not fit a row',
      'CORRUPT',
      /"blk.0.attn_q.weight" has rows of \d+ weights; Q3_K comes in blocks of 256/,
      (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').type = 11),
    ],
    [
      'with an integer tensor',
      'UNSUPPORTED',
      /"blk.0.attn_q.weight" is of type I32; supported: F32, F16, BF16; in GGUF files Q8_0, .*Q2_0 too/,
      (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').type = 26),
    ],
    [
      'with a type nobody knows',
      'UNSUPPORTED',
      /type number 4000000000/,
      (gguf) => (tensor(gguf, 'blk.0.attn_q.weight').type = 4e9),
    ],
    [
      'with a bias',
      'UNSUPPORTED',
      /"blk.0.attn_q.bias" has no place/,
      (gguf) => gguf.tensors.push({ name: 'blk.0.attn_q.bias', dimensions: [8], type: 0, bytes: 32 }),
    ],
    [
      'with a layer more than it says',
      'UNSUPPORTED',
      /"blk.1.attn_norm.weight" has no place/,
      (gguf) => gguf.tensors.push({ name: 'blk.1.attn_norm.weight', dimensions: [8], type: 0, bytes: 32 }),
    ],
    [
      'with rope factors of the wrong number',
      'CORRUPT',
      /rope_freqs.weight" should hold 2 factors/,
      (gguf) => gguf.tensors.push({ name: 'rope_freqs.weight', dimensions: [3], type: 0, bytes: 12 }),
    ],
    [
      'with rope factors of a strange type',
      'CORRUPT',
      /"rope_freqs.weight" is of type I8/,
      (gguf) => gguf.tensors.push({ name: 'rope_freqs.weight', dimensions: [2], type: 24, bytes: 2 }),
    ],
    [
      'without an architecture',
      'CORRUPT',
      /general.architecture" is missing/,
      (gguf) => remove(gguf, 'general.architecture'),
    ],
    [
      'of another architecture',
      'UNSUPPORTED',
      /architecture "mamba"; supported: .*llama/,
      (gguf) => set(gguf, 'general.architecture', TYPES.string, 'mamba'),
    ],
    [
      'a part by its metadata, not by its name',
      'UNSUPPORTED',
      /split.count" is 3.*name-00001-of/,
      (gguf) => set(gguf, 'split.count', TYPES.u16, Buffer.from([3, 0])),
    ],
    ['without tokens', 'CORRUPT', /tokenizer.ggml.tokens" is missing/, (gguf) => remove(gguf, 'tokenizer.ggml.tokens')],
    [
      'with numbers for tokens',
      'CORRUPT',
      /should be a list of strings/,
      (gguf) => set(gguf, 'tokenizer.ggml.tokens', TYPES.array, list(TYPES.u32, [1, 2])),
    ],
    [
      'with more tokens than embeddings',
      'CORRUPT',
      /17 tokens; the embedding has rows for 16/,
      (gguf) => {
        remove(gguf, 'tokenizer.ggml.token_type');
        setTokens(gguf, 'abcdefghijklmnopq');
      },
    ],
    [
      'with types for other tokens',
      'CORRUPT',
      /token_type" has 2 entries for 16/,
      (gguf) => set(gguf, 'tokenizer.ggml.token_type', TYPES.array, list(TYPES.i32, [1, 1])),
    ],
    [
      'with a score that is no number',
      'CORRUPT',
      /scores" holds a value that is not/,
      (gguf) => set(gguf, 'tokenizer.ggml.scores', TYPES.array, list(TYPES.f32, new Array(16).fill(Number.NaN))),
    ],
    [
      'with a token twice',
      'CORRUPT',
      /tokens" has "a" twice, as 0 and as 1/,
      (gguf) => setTokens(gguf, 'aabcdefghijklmno'),
    ],
    [
      'with byte-level BPE and no merges',
      'CORRUPT',
      /merges" is missing/,
      (gguf) => remove(gguf, 'tokenizer.ggml.merges'),
    ],
    [
      'with 64 bits of BOS',
      'CORRUPT',
      /bos_token_id" is 9223372036854775808/,
      (gguf) => set(gguf, 'tokenizer.ggml.bos_token_id', TYPES.u64, 2n ** 63n),
    ],
  ])('%s is %s', (_, code, message, change) => {
    expectFailure(code, message, () => open(change));
  });

  it('takes 0xFFFFFFFF and -1 for "no such token"', () => {
    const checkpoint = open((gguf) => {
      set(gguf, 'tokenizer.ggml.bos_token_id', TYPES.u32, 0xffffffff);
      set(gguf, 'tokenizer.ggml.eos_token_id', TYPES.i32, -1);
    });
    expect(checkpoint.vocabulary).toMatchObject({ bosId: null, eosId: null, warnings: [] });
  });

  // llama.cpp warns and goes on: "bad special token", and the types that are too many are not looked at.
  it('passes over ids outside the vocabulary and lists that are too long, with a warning', () => {
    const checkpoint = open((gguf) => {
      for (const name of ['bos', 'eos', 'unknown', 'eot']) set(gguf, `tokenizer.ggml.${name}_token_id`, TYPES.u32, 16);
      set(gguf, 'tokenizer.ggml.token_type', TYPES.array, list(TYPES.i32, new Array(17).fill(1)));
    });
    expect(checkpoint.vocabulary).toMatchObject({
      ...{ bosId: null, eosId: null, unknownId: null, eotId: null, types: new Array(16).fill(1) },
      warnings: [
        expect.stringMatching(/token_type has 17 entries for 16 tokens/),
        expect.stringMatching(/bos_token_id is 16, outside the vocabulary of 16 tokens/),
        expect.stringMatching(/eos_token_id/),
        expect.stringMatching(/unknown_token_id/),
        expect.stringMatching(/eot_token_id/),
      ],
    });
  });
});

describe('random damage', () => {
  /** Opens `file` with some bytes of its header changed: an error of ours, or a checkpoint that keeps its promises. */
  function damageHeader(file: Buffer, headerBytes: number, cases: number, seed: number): number {
    const next = random(seed);
    let refused = 0;
    for (let round = 0; round < cases; round++) {
      const damaged = Buffer.from(file);
      for (let flips = 1 + Math.floor(next() * 3); flips > 0; flips--)
        damaged[Math.floor(next() * headerBytes)] =
          next() < 0.5 ? Math.floor(next() * 256) : [0, 1, 0x7f, 0x80, 0xff][Math.floor(next() * 5)];
      writeFileSync(path, damaged);
      try {
        expectSound(openCheckpoint(path));
      } catch (error) {
        expect(error, `round ${round}`).toHaveProperty('name', 'FlashrowError');
        refused++;
      }
    }
    return refused;
  }

  it('in the header of a tiny model ends in an error of ours or a sound checkpoint', () => {
    const { file, headerBytes } = writeGguf(tinyLlama());
    const refused = damageHeader(file, headerBytes, 2000, 1);
    expect(refused).toBeGreaterThan(500);
    expect(refused).toBeLessThan(2000);
  });

  it.skipIf(!haveSharedData)(`in the header of stories260K.gguf too${withoutSharedData}`, () => {
    const file = readFileSync(sharedPath('models/stories260K/stories260K.gguf'));
    expect(damageHeader(file, 14176, 100, 2)).toBeGreaterThan(0);
  });

  it.skipIf(!haveSharedData)(`cuts of stories260K.gguf are CORRUPT${withoutSharedData}`, () => {
    copyFileSync(sharedPath('models/stories260K/stories260K.gguf'), path);
    const lengths = [1185375, 1185376 - 32, 600000, 14177, 14176];
    for (let length = 14175; length >= 4; length -= 41) lengths.push(length);
    for (const length of lengths) {
      truncateSync(path, length);
      expect(failure(() => openCheckpoint(path)).code, `cut to ${length} bytes`).toBe('CORRUPT');
    }
  });
});

describe('openVocabulary', () => {
  it('needs neither weights nor a known architecture', () => {
    const gguf = tinyLlama();
    gguf.tensors = [];
    set(gguf, 'general.architecture', TYPES.string, 'anything');
    writeFileSync(path, writeGguf(gguf).file);
    expect(openVocabulary(path)).toMatchObject({ kind: 'gguf', eosId: 2 });
  });
});
