import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { crc32c } from '../../dist/native-bridge/crc32c.js';
import { FlashrowError } from '../../dist/src/errors.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { checkpointOutline } from '../../dist/src/plan/outline.js';
import { planOutline } from '../../dist/src/plan/plan-outline.js';
import { readPredictors } from '../../dist/src/store/predictors.js';
import { openStore } from '../../dist/src/store/reader.js';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';
import { ChatTemplate } from '../../dist/src/text/chat-template.js';
import { finished } from '../../dist/src/text/steps.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import { TALES } from '../support/shipped.js';
import { tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { CONFIG, PACKED, UNPACKED, writeGptOss } from '../support/tiny-gpt-oss.js';
import { TINY_CONFIG, writeTinyModel } from '../support/tiny-hugging-face.js';
import { type Damage, damaged, damageTo, mutate, mutations } from './mutations.js';

/** A share for every run of the tests, from a fixed start; `npm run test:fuzz` sets the number, and begins anywhere. */
const RUNS = Number(process.env.FLASHROW_FUZZ ?? 300);
const SEED = process.env.FLASHROW_FUZZ ? undefined : 1;
/** No input is worth more. Not a matter of speed: these files are read in milliseconds. */
const [MOST_SECONDS, MOST_BYTES] = [10, 600e6];

const folder = mkdtempSync(join(tmpdir(), 'flashrow-fuzz-'));
const counts: Record<string, Record<string, number>> = {};
afterAll(() => {
  rmSync(folder, { recursive: true });
  if (SEED === undefined) console.table(counts);
});

/** Every outcome is a result or a FlashrowError, soon and in little memory. */
function expectSound(reader: string, read: () => unknown): void {
  counts[reader] ??= {};
  const began = performance.now();
  let outcome = 'result';
  try {
    read();
  } catch (error) {
    if (!(error instanceof FlashrowError)) throw error;
    expect(error.message.length).toBeLessThan(5000);
    outcome = error.code;
  }
  counts[reader][outcome] = (counts[reader][outcome] ?? 0) + 1;
  expect(performance.now() - began, 'ms').toBeLessThan(MOST_SECONDS * 1000);
}

const check = (
  property: fc.IProperty<[Parameters<typeof mutate>[1]]> | fc.IProperty<[Damage]> | fc.IProperty<[unknown]>,
) => fc.assert(property as fc.IProperty<[unknown]>, { numRuns: RUNS, seed: SEED });

/** Mutates a file in place of its own. */
function fuzzFile(reader: string, bytes: Buffer, path: string, read: () => unknown): void {
  // What nothing has happened to is sound: else mutations would only ever meet the first check.
  writeFileSync(path, bytes);
  read();
  check(
    fc.property(mutations, (list) => {
      writeFileSync(path, mutate(bytes, list));
      expectSound(reader, read);
    }),
  );
}

/** Opens, plans, and reads the vocabulary: what any command begins with. */
function readModel(path: string): void {
  const checkpoint = openCheckpoint(path);
  planOutline(
    checkpointOutline({ kind: 'checkpoint', checkpoint, storePath: join(folder, 'none'), damagedFile: null }),
    {
      memory: '1GB',
    },
  );
  readText(storedText(checkpoint.vocabulary));
}

function readText({ tokenizer, text }: ReturnType<typeof storedText>): void {
  const loaded = loadTokenizer(JSON.parse(JSON.stringify(tokenizer)), text);
  const ids = loaded.encode('Once upon a time <s> \u{1f999}', { addBos: true, addEos: true, parseSpecial: true });
  loaded.decode(ids);
  finished(loaded.encodeGuarded(loaded.guard('</s> a', '').text));
}

describe('whatever happens to a file, it is read or refused', { timeout: 3_600_000 }, () => {
  const before = process.resourceUsage().maxRSS * 1024;
  afterAll(() => expect(process.resourceUsage().maxRSS * 1024 - before).toBeLessThan(MOST_BYTES));

  it('a small GGUF file', () => {
    const gguf = tinyLlama();
    const { file } = writeGguf(gguf);
    const path = join(folder, 'tiny.gguf');
    fuzzFile('GGUF', file, path, () => readModel(path));
  });

  it.each(['mixtral', 'gpt-oss', 'gemma3', 'phi3'] as const)('a GGUF file of %s', (family) => {
    const path = join(folder, `${family}.gguf`);
    const shape = {
      ...SHAPES.tiny,
      hiddenSize: 32,
      intermediateSize: 32,
      numLayers: 1,
      headDim: 4,
      vocabSize: 300,
      family,
    };
    writeRandomGguf(
      path,
      {
        ...shape,
        experts: /mix|oss/.test(family) ? { numExperts: 4, numExpertsPerToken: 2, intermediateSize: 32 } : null,
      },
      'q8_0',
    );
    fuzzFile(`GGUF ${family}`, readFileSync(path), path, () => readModel(path));
  });

  it.each(['model.safetensors', 'config.json', 'tokenizer.json'])('%s of a Hugging Face folder', (name) => {
    const model = join(folder, `hf-${name}`);
    mkdirSync(model);
    writeTinyModel(model);
    cpSync(join(TALES, 'tokenizer.json'), join(model, 'tokenizer.json'));
    fuzzFile(name, readFileSync(join(model, name)), join(model, name), () => readModel(model));
  });

  it.each([
    ['MXFP4', PACKED],
    ['floats', UNPACKED],
  ])('model.safetensors of a gpt-oss in %s', (kind, tensors) => {
    const model = join(folder, `gpt-oss-${kind}`);
    mkdirSync(model);
    writeGptOss(model, tensors, CONFIG);
    cpSync(join(TALES, 'tokenizer.json'), join(model, 'tokenizer.json'));
    const path = join(model, 'model.safetensors');
    fuzzFile(`gpt-oss, ${kind}`, readFileSync(path), path, () => readModel(model));
  });

  it.each([
    ['Llama', { ...TINY_CONFIG, rope_scaling: { rope_type: 'linear', factor: 2 }, sliding_window: 4 }, writeTinyModel],
    [
      'gpt-oss',
      { ...CONFIG, rope_scaling: { rope_type: 'yarn', factor: 2, truncate: false, beta_fast: 32, beta_slow: 1 } },
      (path: string) => writeGptOss(path, PACKED, CONFIG),
    ],
  ])('config.json of a %s with a value of another kind', (kind, values, write) => {
    const model = join(folder, `config-${kind}`);
    mkdirSync(model);
    write(model);
    cpSync(join(TALES, 'tokenizer.json'), join(model, 'tokenizer.json'));
    const config = { ...values, tie_word_embeddings: false };
    check(
      fc.property(damageTo(config), (damage) => {
        writeFileSync(join(model, 'config.json'), JSON.stringify(damaged(config, damage)));
        expectSound(`config values, ${kind}`, () => readModel(model));
      }),
    );
  });

  it('tokenizer.json and what stands beside it, with a value of another kind', () => {
    const text = { bosId: 1, eosIds: [2], addBos: true, addEos: false };
    const tokenizer = JSON.parse(readFileSync(join(TALES, 'tokenizer.json'), 'utf8'));
    check(
      fc.property(damageTo(tokenizer), (damage) => {
        const value = damaged(tokenizer, damage);
        expectSound('tokenizer values', () =>
          readText({ tokenizer: value as never, chatTemplate: null, generationConfig: null, text }),
        );
      }),
    );
    const config = {
      bos_token: { content: '<s>' },
      eos_token: '</s>',
      add_bos_token: true,
      chat_template: [{ name: 'default', template: '' }],
    };
    const generation = { eos_token_id: [1, 2], temperature: 0.5, do_sample: true };
    const beside = { config, generation };
    const model = join(folder, 'beside');
    mkdirSync(model);
    writeTinyModel(model);
    cpSync(join(TALES, 'tokenizer.json'), join(model, 'tokenizer.json'));
    check(
      fc.property(damageTo(beside), (damage) => {
        const { config, generation } = (damaged(beside, damage) ?? {}) as Record<string, unknown>;
        writeFileSync(join(model, 'tokenizer_config.json'), JSON.stringify(config) ?? '');
        writeFileSync(join(model, 'generation_config.json'), JSON.stringify(generation) ?? '');
        expectSound('tokenizer_config values', () => readModel(model));
      }),
    );
  });

  it.each(['manifest.msgpack', 'predictors.bin', 'tokenizer.json'])('%s of a store', (name) => {
    const store = join(folder, `store-${name}`);
    mkdirSync(store);
    for (const file of readdirSync(TALES)) if (file !== name) linkSync(join(TALES, file), join(store, file));
    const read = () => {
      const opened = openStore(store);
      readPredictors(opened);
      readText({ tokenizer: opened.readTokenizer(), chatTemplate: null, generationConfig: null, text: opened.text });
    };
    fuzzFile(`store ${name}`, readFileSync(join(TALES, name)), join(store, name), read);
  });

  it('a manifest whose checksum was made right', () => {
    const store = join(folder, 'store-forged');
    mkdirSync(store);
    for (const file of readdirSync(TALES))
      if (file !== 'manifest.msgpack') linkSync(join(TALES, file), join(store, file));
    const manifest = readFileSync(join(TALES, 'manifest.msgpack'));
    check(
      fc.property(mutations, (list) => {
        const inner = mutate(manifest.subarray(1, -5), list);
        const end = Buffer.from(manifest.subarray(-5));
        end.writeUInt32BE(crc32c(inner, 0), 1);
        writeFileSync(join(store, 'manifest.msgpack'), Buffer.concat([manifest.subarray(0, 1), inner, end]));
        expectSound('store manifest, forged', () => openStore(store));
      }),
    );
  });

  it('a trace of expert routes', () => {
    const path = join(folder, 'routes.csv');
    const comments = '# route_trace v1\n# model=m arch=a n_layer=1 n_expert=8\n# layer=0 expert_bytes=10\n';
    const columns = 'turn,phase,step,layer,slot,expert,weight,residency,expert_bytes\n';
    const rows = Array.from({ length: 20 }, (_, i) => `0,${i < 5 ? 0 : 1},${i},0,0,${i % 7},1,0,10\n`);
    fuzzFile('trace', Buffer.from(comments + columns + rows.join('')), path, () => readTrace(path));
  });

  it('a chat template', () => {
    const tokenizer = loadTokenizer(JSON.parse(readFileSync(join(TALES, 'tokenizer.json'), 'utf8')), {
      bosId: 1,
      eosIds: [2],
      addBos: true,
      addEos: false,
    });
    const { cases } = JSON.parse(readFileSync(new URL('../golden/chat-templates.json', import.meta.url), 'utf8'));
    const sources: string[] = cases.map(({ template }: { template: string }) => template);
    check(
      fc.property(fc.tuple(fc.constantFrom(...sources), mutations), ([source, list]) => {
        const template = mutate(Buffer.from(source), list).toString('utf8');
        expectSound('chat template', () =>
          new ChatTemplate(template, tokenizer).render([{ role: 'user', content: 'Hello </s>' }]),
        );
      }),
    );
  });
});
