import * as fs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bridge } from '../../dist/native-bridge/bridge.js';
import type { WritableFormat } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { openTwin } from '../../dist/native-bridge/twin/index.js';
import { createDenseHalf } from '../../dist/src/dense/create-dense-half.js';
import type { DenseHalf } from '../../dist/src/dense/dense-half.js';
import {
  naiveMatmul,
  naiveNorm,
  naiveRotary,
  randomVector,
  relativeError,
  smallSpec,
  temporaryFolder,
  type WrittenModel,
  writeRandomModel,
} from './support.js';

// Weights are the same bits on both sides and activations are never rounded below f32, so only the order of summing
// differs.
const TOLERANCE = 1e-4;
const MAX_TOKENS = 8;

const folder = temporaryFolder();
const bridge = openTwin(1);
afterAll(() => {
  bridge.dispose();
  fs.rmSync(folder, { recursive: true });
});

const open = ({ spec, tensors }: WrittenModel, on: Bridge = bridge) =>
  createDenseHalf({ spec, tensors, bridge: on, maxTokens: MAX_TOKENS });

function buffers(model: WrittenModel) {
  const { hiddenSize, numAttentionHeads, numKeyValueHeads, headDim, vocabSize } = model.spec;
  const rows = (width: number) => new Float32Array(MAX_TOKENS * width);
  const x = randomVector(MAX_TOKENS * hiddenSize, 3);
  const attention = randomVector(MAX_TOKENS * numAttentionHeads * headDim, 4);
  const q = rows(numAttentionHeads * headDim);
  return {
    x,
    attention,
    q,
    k: rows(numKeyValueHeads * headDim),
    v: rows(numKeyValueHeads * headDim),
    ffnInput: rows(hiddenSize),
    logits: rows(vocabSize),
  };
}

const positionsFrom = (position: number, tokens: number) => Array.from({ length: tokens }, (_, i) => position + i);

/** Runs all three segments at `tokens` and gives the largest error of each against double arithmetic. */
async function errors(
  model: WrittenModel,
  half: DenseHalf,
  layer: number,
  tokens: number,
  position: number,
): Promise<Record<string, number>> {
  const { spec, weights } = model;
  const { hiddenSize, numAttentionHeads, numKeyValueHeads, headDim, normEpsilon } = spec;
  const of = (name: string) => weights.get(`layers.${layer}.${name}`)!;
  const { x, attention, q, k, v, ffnInput, logits } = buffers(model);

  await half.attentionInput(layer, x, tokens, positionsFrom(position, tokens), q, k, v);
  const normed = naiveNorm(x, tokens, of('attentionNorm'), normEpsilon);
  const expectedQ = naiveRotary(
    naiveMatmul(normed, tokens, of('q'), hiddenSize),
    tokens,
    numAttentionHeads,
    spec,
    position,
  );
  const expectedK = naiveRotary(
    naiveMatmul(normed, tokens, of('k'), hiddenSize),
    tokens,
    numKeyValueHeads,
    spec,
    position,
  );
  const expectedV = naiveMatmul(normed, tokens, of('v'), hiddenSize);

  const sum = naiveMatmul(attention, tokens, of('o'), numAttentionHeads * headDim).map((value, i) => value + x[i]);
  const expectedFfnInput = naiveNorm(sum, tokens, of('ffnNorm'), normEpsilon);
  await half.attentionOutput(layer, attention, x, tokens, ffnInput);

  const head = weights.get(spec.tiedEmbeddings ? 'embedding' : 'head')!;
  const expectedLogits = naiveMatmul(
    naiveNorm(sum, tokens, weights.get('finalNorm')!, normEpsilon),
    tokens,
    head,
    hiddenSize,
  );
  await half.logits(x, tokens, logits);
  return {
    q: relativeError(q, expectedQ),
    k: relativeError(k, expectedK),
    v: relativeError(v, expectedV),
    residual: relativeError(x, sum),
    ffnInput: relativeError(ffnInput, expectedFfnInput),
    logits: relativeError(logits, expectedLogits),
  };
}

function expectSmall(found: Record<string, number>): void {
  for (const [output, error] of Object.entries(found)) expect(error, output).toBeLessThan(TOLERANCE);
}

const mixed = (name: string): WritableFormat | undefined =>
  name.endsWith('.q') ? 'q8_0' : name.endsWith('.o') ? 'f32' : undefined;
const cases: { title: string; write: () => WrittenModel }[] = [
  ...(['f32', 'f16', 'q8_0', 'q4_0', 'q4_1'] as const).map((format) => ({
    title: `of ${format} matrices`,
    write: () => writeRandomModel(folder, smallSpec(), format),
  })),
  {
    title: 'whose formats differ within a segment and between segments',
    write: () => writeRandomModel(folder, smallSpec(), 'f16', mixed),
  },
  {
    title: 'of f32 matrices and f16 norms',
    write: () => writeRandomModel(folder, smallSpec(), 'f32', (name) => (/[nN]orm$/.test(name) ? 'f16' : undefined)),
  },
  { title: 'with a tied f32 head', write: () => writeRandomModel(folder, smallSpec({ tiedEmbeddings: true }), 'f32') },
  {
    title: 'with a tied q8_0 head',
    write: () => writeRandomModel(folder, smallSpec({ tiedEmbeddings: true }), 'q8_0'),
  },
  {
    title: 'with rotary in halves of a part of the head and slowed frequencies',
    write: () =>
      writeRandomModel(
        folder,
        smallSpec({
          rotary: { theta: 500, dimension: 8, layout: 'halves', frequencyFactors: [1, 1.5, 4, 8], magnitude: 1.3 },
        }),
        'f32',
      ),
  },
  {
    title: 'whose vocabulary is no multiple of 16',
    write: () => writeRandomModel(folder, smallSpec({ vocabSize: 101 }), 'f32'),
  },
];

describe.each(cases)('the resident half of a model $title', ({ write }) => {
  let model: WrittenModel;
  let half: DenseHalf;
  beforeAll(async () => {
    model = write();
    half = await open(model);
  });
  afterAll(() => half.dispose());

  it.each([1, 5, MAX_TOKENS])('agrees with double arithmetic on %i tokens at once', async (tokens) => {
    expectSmall(await errors(model, half, 0, tokens, 0));
    expectSmall(await errors(model, half, 1, tokens, 40));
  });

  it('gives the embedding rows of the file', () => {
    const { hiddenSize, vocabSize } = model.spec;
    const ids = [vocabSize - 1, 0, 17, 17];
    const x = new Float32Array(ids.length * hiddenSize);
    half.embed(ids, positionsFrom(0, ids.length), x);
    const table = model.weights.get('embedding')!;
    ids.forEach((id, i) => {
      expect(x.subarray(i * hiddenSize, (i + 1) * hiddenSize)).toEqual(
        table.subarray(id * hiddenSize, (id + 1) * hiddenSize),
      );
    });
  });

  it('gives the logits of a few ids as of all, and of no others', () => {
    const { hiddenSize, vocabSize } = model.spec;
    const [whole, few] = [new Float32Array(vocabSize), new Float32Array(vocabSize).fill(7)];
    const x = randomVector(hiddenSize, 9);
    half.logits(x, 1, whole);
    const others = [vocabSize - 1, 40, 41];
    half.fewLogits(x, { below: 30, others }, few);
    expect(few.subarray(0, 30)).toEqual(whole.subarray(0, 30));
    for (const id of others) expect(few[id]).toBeCloseTo(whole[id], 3);
    for (let id = 30; id < vocabSize; id++) if (!others.includes(id)) expect(few[id]).toBe(Number.NEGATIVE_INFINITY);
  });

  it('touches nothing beyond the tokens asked for', async () => {
    const { x, attention, q, k, v, ffnInput, logits } = buffers(model);
    const width = {
      x: model.spec.hiddenSize,
      q: q.length / MAX_TOKENS,
      k: k.length / MAX_TOKENS,
      logits: model.spec.vocabSize,
    };
    for (const buffer of [q, k, v, ffnInput, logits]) buffer.fill(77);
    const before = x.slice();
    await half.attentionInput(0, x, 3, [0, 1, 2], q, k, v);
    await half.attentionOutput(0, attention, x, 3, ffnInput);
    await half.logits(x, 3, logits);
    expect(x.subarray(3 * width.x)).toEqual(before.subarray(3 * width.x));
    const untouched = [
      q.subarray(3 * width.q),
      k.subarray(3 * width.k),
      v.subarray(3 * width.k),
      ffnInput.subarray(3 * width.x),
      logits.subarray(3 * width.logits),
    ];
    for (const rest of untouched) expect(rest.every((value) => value === 77)).toBe(true);
  });
});

describe('results', () => {
  it('are the same through a link and a relative path', async () => {
    const model = writeRandomModel(folder, smallSpec(), 'f32');
    const real = model.tensors.get('embedding')!.path;
    const link = join(fs.mkdtempSync(join(folder, 'links-')), 'resident.bin');
    fs.symlinkSync(relative(dirname(link), real), link);
    const outcomes: Float32Array[] = [];
    for (const path of [real, link, relative(process.cwd(), real)]) {
      const tensors = new Map([...model.tensors].map(([name, tensor]) => [name, { ...tensor, path }]));
      const half = await open({ ...model, tensors });
      const { x, logits } = buffers(model);
      await half.logits(x, 1, logits);
      await half.dispose();
      outcomes.push(logits);
    }
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  });

  it('are the same bits with one thread and with two, alone and in a chunk', async () => {
    // Large enough that threads share the work.
    const spec = smallSpec({
      hiddenSize: 512,
      numAttentionHeads: 16,
      numKeyValueHeads: 8,
      headDim: 32,
      vocabSize: 1000,
      numLayers: 1,
    });
    const model = writeRandomModel(folder, spec, 'f32');
    const outcomes: Float32Array[][] = [];
    for (const threads of [1, 2]) {
      const threaded = openBridge({ threads });
      for (const chunk of [1, MAX_TOKENS]) {
        const half = await open(model, threaded);
        const whole = buffers(model);
        for (let from = 0; from < MAX_TOKENS; from += chunk) {
          const part = (buffer: Float32Array) => {
            const width = buffer.length / MAX_TOKENS;
            return buffer.subarray(from * width, (from + chunk) * width);
          };
          const [x, attention, q, k, v, ffnInput, logits] = [
            whole.x,
            whole.attention,
            whole.q,
            whole.k,
            whole.v,
            whole.ffnInput,
            whole.logits,
          ].map(part);
          await half.attentionInput(0, x, chunk, positionsFrom(from, chunk), q, k, v);
          await half.attentionOutput(0, attention, x, chunk, ffnInput);
          await half.logits(x, chunk, logits);
        }
        await half.dispose();
        outcomes.push([whole.q, whole.k, whole.v, whole.x, whole.ffnInput, whole.logits]);
      }
      threaded.dispose();
    }
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  });

  it('are those of each position by itself, whatever positions a call brings', async () => {
    const model = writeRandomModel(folder, smallSpec(), 'f32');
    const half = await open(model);
    const { x, q, k, v } = buffers(model);
    const positions = [5, 6, 90, 0].slice(0, MAX_TOKENS);
    // The tables of an earlier call must not show.
    await half.attentionInput(0, x, 2, [5, 7], q, k, v);
    await half.attentionInput(0, x, positions.length, positions, q, k, v);
    for (const [row, position] of positions.entries()) {
      const alone = buffers(model);
      const width = alone.x.length / MAX_TOKENS;
      await half.attentionInput(0, x.subarray(row * width), 1, [position], alone.q, alone.k, alone.v);
      for (const [together, own] of [
        [q, alone.q],
        [k, alone.k],
      ]) {
        const size = own.length / MAX_TOKENS;
        expect(together.subarray(row * size, (row + 1) * size)).toEqual(own.subarray(0, size));
      }
    }
    await half.dispose();
  });

  it('have the scale and the cap of all logits where few are asked for', async () => {
    const model = writeRandomModel(folder, smallSpec({ logitScale: 0.25, logitSoftCap: 2 }), 'f32');
    const half = await open(model);
    const { hiddenSize, vocabSize } = model.spec;
    const [whole, few] = [new Float32Array(vocabSize), new Float32Array(vocabSize)];
    const x = randomVector(hiddenSize, 9);
    half.logits(x, 1, whole);
    half.fewLogits(x, { below: 10, others: [50] }, few);
    expect(Math.max(...whole)).toBeLessThan(2);
    expect(few.subarray(0, 10)).toEqual(whole.subarray(0, 10));
    expect(few[50]).toBeCloseTo(whole[50], 3);
    expect(few[49]).toBe(Number.NEGATIVE_INFINITY);
    await half.dispose();
  });

  it('follow the buffers that each call brings', async () => {
    const model = writeRandomModel(folder, smallSpec(), 'f32');
    const half = await open(model);
    const first = buffers(model);
    const second = buffers(model);
    second.x.reverse();
    for (const { x, q, k, v } of [first, second, first]) await half.attentionInput(0, x, 2, [0, 1], q, k, v);
    const again = buffers(model);
    await half.attentionInput(0, second.x, 2, [0, 1], again.q, again.k, again.v);
    expect(again.q).toEqual(second.q);
    expect(first.q).not.toEqual(second.q);
    await half.dispose();
  });
});
