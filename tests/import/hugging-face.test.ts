import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../dist/src/errors.js';
import { openCheckpoint, openVocabulary } from '../../dist/src/import/open.js';
import {
  safetensors,
  type TensorHeader,
  TINY_CONFIG,
  tinyHeader,
  writeJson,
  writeTinyModel,
} from '../support/tiny-hugging-face.js';
import { expectFailure, expectSound, failure, random, scratchFolder } from './support.js';

const folder = join(scratchFolder(), 'tiny');
const weights = join(folder, 'model.safetensors');

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeTinyModel(folder);
});

describe('a Hugging Face folder', () => {
  it('opens with one file of weights', () => {
    const checkpoint = openCheckpoint(folder);
    expectSound(checkpoint);
    expect(checkpoint.spec).toMatchObject({ name: 'tiny', headDim: 4, activation: 'relu', tiedEmbeddings: false });
    expect(checkpoint.vocabulary).toEqual({
      kind: 'huggingface',
      tokenizer: { model: { type: 'BPE' } },
      config: {},
      bosId: 1,
      eosIds: [2, 3],
      chatTemplate: null,
      generationConfig: null,
      vocabSize: 16,
    });
  });

  it('opens with shards, and a slash at the end of the path', () => {
    const names = Object.keys(tinyHeader());
    const shards = { 'a-1.safetensors': names.slice(0, 5), 'a-2.safetensors': names.slice(5) };
    const weightMap: Record<string, string> = {};
    for (const [file, tensors] of Object.entries(shards)) {
      writeFileSync(join(folder, file), safetensors(tinyHeader(tensors)));
      for (const tensor of tensors) weightMap[tensor] = file;
    }
    rmSync(weights);
    writeJson(folder, 'model.safetensors.index.json', { metadata: {}, weight_map: weightMap });
    const checkpoint = openCheckpoint(`${folder}/`);
    expectSound(checkpoint);
    expect(checkpoint.spec.name).toBe('tiny');
    expect(checkpoint.files).toHaveLength(2);

    writeJson(folder, 'model.safetensors.index.json', { weight_map: { ...weightMap, [names[0]]: 'a-2.safetensors' } });
    expectFailure('CORRUPT', /embed_tokens.weight" is not there/, () => openCheckpoint(folder));
    writeFileSync(join(folder, 'a-2.safetensors'), safetensors(tinyHeader(names.slice(4))));
    writeJson(folder, 'model.safetensors.index.json', { weight_map: weightMap });
    expectFailure('CORRUPT', /v_proj.weight" is in .*a-1.safetensors as well/, () => openCheckpoint(folder));
    rmSync(join(folder, 'a-2.safetensors'));
    expectFailure('NOT_FOUND', /a-2.safetensors is missing, one of 2 shards/, () => openCheckpoint(folder));
  });

  it('has a digest of its own for every change to weights, config and tokenizer, and the same one elsewhere', () => {
    const digests = [openCheckpoint(folder).digest];
    const elsewhere = join(folder, 'copy');
    mkdirSync(elsewhere);
    writeTinyModel(elsewhere);
    expect(openCheckpoint(elsewhere).digest).toBe(digests[0]);
    const changes = [
      () => writeJson(folder, 'tokenizer.json', { model: { type: 'Unigram' } }),
      () => writeJson(folder, 'tokenizer_config.json', {}),
      () => writeJson(folder, 'config.json', { ...TINY_CONFIG, rope_theta: 20000 }),
      () =>
        writeFileSync(
          weights,
          safetensors(tinyHeader()).map((byte) => (byte === 7 ? 8 : byte)),
        ),
    ];
    for (const change of changes) {
      change();
      digests.push(openCheckpoint(folder).digest);
    }
    expect(new Set(digests).size).toBe(5);
  });

  it('ignores what a tied head or an old exporter left behind, and holes', () => {
    const header = tinyHeader();
    header['model.layers.0.self_attn.rotary_emb.inv_freq'] = { dtype: 'I64', shape: [2], data_offsets: [5000, 5016] };
    writeFileSync(weights, safetensors(header));
    writeJson(folder, 'config.json', { ...TINY_CONFIG, tie_word_embeddings: true });
    expectSound(openCheckpoint(folder));
  });

  it('takes the chat template from its own file first, then from tokenizer_config.json', () => {
    writeJson(folder, 'tokenizer_config.json', {
      chat_template: [
        { name: 'tool_use', template: 'no' },
        { name: 'default', template: 'yes' },
      ],
    });
    expect(openVocabulary(folder).chatTemplate).toBe('yes');
    writeJson(folder, 'tokenizer_config.json', { chat_template: 'plain' });
    expect(openVocabulary(folder).chatTemplate).toBe('plain');
    writeFileSync(join(folder, 'chat_template.jinja'), 'file');
    expect(openCheckpoint(folder).vocabulary.chatTemplate).toBe('file');
  });

  it.each([
    ['config.json', 'NOT_FOUND', /a Hugging Face folder config.json/],
    ['model.safetensors', 'NOT_FOUND', /neither model.safetensors nor model.safetensors.index.json/],
    ['tokenizer.json', 'NOT_FOUND', /tokenizer.json is missing/],
  ] as const)('without %s is %s', (file, code, message) => {
    rmSync(join(folder, file));
    expectFailure(code, message, () => openCheckpoint(folder));
  });
});

describe('what is neither', () => {
  it('is NOT_FOUND or UNSUPPORTED, with what was expected', () => {
    expectFailure('NOT_FOUND', /does not exist; give a store folder, a GGUF file/, () =>
      openCheckpoint(join(folder, 'none')),
    );
    expectFailure('NOT_FOUND', /does not exist/, () => openCheckpoint('nul\0byte'));
    expectFailure('NOT_FOUND', /does not exist/, () => openCheckpoint(''));
    expectFailure('NOT_FOUND', /does not exist/, () => openCheckpoint(join(weights, 'below-a-file')));
    expectFailure('UNSUPPORTED', /is a safetensors file; give the folder/, () => openCheckpoint(weights));
    expectFailure('UNSUPPORTED', /not an ordinary file/, () => openVocabulary('/dev/zero'));
  });
});

describe('config.json', () => {
  it.each<[string, ErrorCode, unknown]>([
    ['an empty file', 'CORRUPT', ''],
    ['not JSON', 'CORRUPT', '{"hidden_size": 8,'],
    ['NaN, as Python writes it', 'CORRUPT', JSON.stringify(TINY_CONFIG).replace('10000', 'NaN')],
    ['a list', 'CORRUPT', [TINY_CONFIG]],
    ['null', 'CORRUPT', 'null'],
    ['millions of brackets', 'CORRUPT', '['.repeat(3e6)],
    ['larger than any', 'CORRUPT', ' '.repeat(5e6)],
    ['__proto__ for everything', 'CORRUPT', `{"__proto__": ${JSON.stringify(TINY_CONFIG)}}`],
  ])('that is %s is %s', (_, code, text) => {
    writeJson(folder, 'config.json', text);
    expect(failure(() => openCheckpoint(folder)).code).toBe(code);
    expect(({} as Record<string, unknown>).hidden_size).toBeUndefined();
  });
});

describe('tokenizer files', () => {
  it.each<[string, unknown]>([
    ['tokenizer.json', '{'],
    ['tokenizer.json', []],
    ['tokenizer_config.json', 'x'],
    ['tokenizer_config.json', { chat_template: 5 }],
    ['config.json', { ...TINY_CONFIG, bos_token_id: 'one' }],
    ['config.json', { ...TINY_CONFIG, eos_token_id: [1.5] }],
  ])('%s holding %j is CORRUPT', (file, content) => {
    writeJson(folder, file, content);
    expect(failure(() => openVocabulary(folder)).code).toBe('CORRUPT');
  });

  it('with -1 or null for a token id have none', () => {
    writeJson(folder, 'config.json', { ...TINY_CONFIG, bos_token_id: null, eos_token_id: -1 });
    expect(openVocabulary(folder)).toMatchObject({ bosId: null, eosIds: [] });
  });
});

describe('the index of shards', () => {
  beforeEach(() => rmSync(weights));

  it.each([
    '../model.safetensors',
    '/etc/passwd',
    'a\0.safetensors',
    'a/b.safetensors',
    'a\\b.safetensors',
    '..',
    '',
    'pytorch_model.bin',
    5,
    null,
  ])('naming the shard %j is CORRUPT', (shard) => {
    writeJson(folder, 'model.safetensors.index.json', { weight_map: { 'model.norm.weight': shard } });
    expectFailure('CORRUPT', /a file name like/, () => openCheckpoint(folder));
  });

  it.each([[{}], [{ weight_map: {} }], [{ weight_map: [] }], [{ weight_map: 'x' }], [[]], ['{']])(
    'that is %j is CORRUPT',
    (index) => {
      writeJson(folder, 'model.safetensors.index.json', index);
      expect(failure(() => openCheckpoint(folder)).code).toBe('CORRUPT');
    },
  );
});

describe('a damaged safetensors file', () => {
  const norm = 'model.norm.weight';
  const withNorm = (change: object) =>
    safetensors({ ...tinyHeader(), [norm]: { ...tinyHeader()[norm], ...change } } as TensorHeader);

  it.each<[string, ErrorCode, RegExp, () => Buffer]>([
    ['that is empty', 'CORRUPT', /too few/, () => Buffer.alloc(0)],
    ['of seven bytes', 'CORRUPT', /too few/, () => Buffer.alloc(7)],
    [
      'with a header of 2^63 bytes',
      'CORRUPT',
      /claims a header/,
      () => safetensors(tinyHeader(), undefined, 2n ** 63n),
    ],
    [
      'with a header of 2^64-1 bytes',
      'CORRUPT',
      /claims a header/,
      () => safetensors(tinyHeader(), undefined, 2n ** 64n - 1n),
    ],
    [
      'with a header of 2^32 bytes',
      'CORRUPT',
      /claims a header/,
      () => safetensors(tinyHeader(), undefined, 2n ** 32n),
    ],
    ['with a header of no bytes', 'CORRUPT', /not valid JSON/, () => safetensors(tinyHeader(), undefined, 0n)],
    ['with a header cut short', 'CORRUPT', /not valid JSON/, () => safetensors(tinyHeader(), undefined, 100n)],
    ['with a header that is not JSON', 'CORRUPT', /not valid JSON/, () => safetensors('garbage')],
    ['with a header that is a list', 'CORRUPT', /JSON object/, () => safetensors('[]')],
    [
      'with a header that is not UTF-8',
      'CORRUPT',
      /not UTF-8/,
      () => safetensors(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    ],
    [
      'with a million brackets',
      'CORRUPT',
      /has dtype undefined/,
      () => safetensors(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`),
    ],
    [
      'with a tensor twice',
      'CORRUPT',
      /twice/,
      () =>
        safetensors(
          JSON.stringify(tinyHeader()).replace(
            '{',
            `{"lm\\u005fhead.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},`,
          ),
        ),
    ],
    [
      'with __proto__ for a tensor',
      'CORRUPT',
      /"__proto__" has dtype undefined/,
      () => safetensors(JSON.stringify(tinyHeader()).replace('{', '{"__proto__":{"polluted":1},')),
    ],
    ['with null for a tensor', 'CORRUPT', /dtype undefined/, () => safetensors({ a: null } as never, 0)],
    ['with a number for a dtype', 'CORRUPT', /dtype 5/, () => withNorm({ dtype: 5 })],
    ['with a dtype of doubles', 'UNSUPPORTED', /"model.norm.weight" is of type F64/, () => withNorm({ dtype: 'F64' })],
    ['with a dtype of __proto__', 'UNSUPPORTED', /type __proto__/, () => withNorm({ dtype: '__proto__' })],
    ['with a negative size', 'CORRUPT', /shape \[-8\]/, () => withNorm({ shape: [-8] })],
    ['with a fraction for a size', 'CORRUPT', /shape \[8.5\]/, () => withNorm({ shape: [8.5] })],
    ['with a size of 2^53', 'CORRUPT', /shape/, () => withNorm({ shape: [2 ** 53] })],
    [
      'with sizes whose product overflows',
      'CORRUPT',
      /takes 32 bytes/,
      () => withNorm({ shape: new Array(100).fill(2 ** 52) }),
    ],
    ['with a size of 0', 'CORRUPT', /takes 32 bytes; F32 of shape \[0\] takes 0/, () => withNorm({ shape: [0] })],
    [
      'with an empty tensor',
      'CORRUPT',
      /is of shape \[0\]; \[8\] was expected/,
      () => withNorm({ shape: [0], data_offsets: [0, 0] }),
    ],
    ['with another shape', 'CORRUPT', /is of shape \[2, 4\]; \[8\] was expected/, () => withNorm({ shape: [2, 4] })],
    [
      'with offsets that run backwards',
      'CORRUPT',
      /data_offsets \[64, 32\]/,
      () => withNorm({ data_offsets: [64, 32] }),
    ],
    ['with three offsets', 'CORRUPT', /data_offsets/, () => withNorm({ data_offsets: [0, 32, 64] })],
    ['with a negative offset', 'CORRUPT', /data_offsets/, () => withNorm({ data_offsets: [-32, 0] })],
    ['with offsets beyond the end', 'CORRUPT', /the file ends at/, () => safetensors(tinyHeader(), 100)],
    [
      'with offsets beyond any end',
      'CORRUPT',
      /the file ends at/,
      () =>
        safetensors(
          { ...tinyHeader(), [norm]: { dtype: 'F32', shape: [8], data_offsets: [2 ** 52, 2 ** 52 + 32] } },
          5000,
        ),
    ],
    ['with overlapping tensors', 'CORRUPT', /overlaps/, () => withNorm({ data_offsets: [0, 32] })],
    [
      'without a tensor',
      'CORRUPT',
      /"model.norm.weight" is missing; a shape of \[8\]/,
      () => safetensors(tinyHeader(Object.keys(tinyHeader()).filter((name) => name !== norm))),
    ],
    [
      'with a bias',
      'UNSUPPORTED',
      /q_proj.bias" has no place/,
      () =>
        safetensors({
          ...tinyHeader(),
          'model.layers.0.self_attn.q_proj.bias': { dtype: 'F32', shape: [8], data_offsets: [6000, 6032] },
        }),
    ],
  ])('%s is %s', (_, code, message, file) => {
    writeFileSync(weights, file());
    expectFailure(code, message, () => openCheckpoint(folder));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('is refused as CORRUPT when cut at any byte of the header, or in the data', () => {
    const file = safetensors(tinyHeader());
    const headerBytes = 8 + Number(file.readBigUInt64LE());
    for (let length = 0; length < file.length; length += length < headerBytes ? 3 : 61) {
      writeFileSync(weights, file.subarray(0, length));
      expect(failure(() => openCheckpoint(folder)).code, `cut to ${length} bytes`).toBe('CORRUPT');
    }
  });

  it('at random places ends in an error of ours or a sound checkpoint', () => {
    const file = safetensors(tinyHeader());
    const headerBytes = 8 + Number(file.readBigUInt64LE());
    const config = Buffer.from(JSON.stringify(TINY_CONFIG));
    const next = random(3);
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const damaged = Buffer.from(round % 2 ? file : config);
      const length = round % 2 ? headerBytes : config.length;
      for (let flips = 1 + Math.floor(next() * 3); flips > 0; flips--) {
        const at = Math.floor(next() * length);
        // Digits for digits keep the JSON valid, and make the numbers wrong.
        const digit = damaged[at] >= 0x30 && damaged[at] <= 0x39;
        damaged[at] = digit ? 0x30 + Math.floor(next() * 10) : next() < 0.3 ? Math.floor(next() * 256) : damaged[at];
      }
      writeFileSync(join(folder, 'config.json'), round % 2 ? config : damaged);
      writeFileSync(weights, round % 2 ? damaged : file);
      try {
        expectSound(openCheckpoint(folder));
      } catch (error) {
        expect(error, `round ${round}`).toHaveProperty('name', 'FlashrowError');
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(200);
    expect(refused).toBeLessThan(1000);
  });
});
