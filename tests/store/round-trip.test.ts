import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../dist/src/store/reader.js';
import { verifyStore } from '../../dist/src/store/verify.js';
import {
  bytesFor,
  convert,
  crc32c,
  decode,
  type ModelShape,
  randomCheckpoint,
  readPart,
  readResident,
  type SourceFormat,
  scratchFolder,
} from './support.js';

const folder = scratchFolder();
const unused = () => join(folder, `store-${Math.random()}`);

/** Root of summed squared differences over summed squares of `exact`. */
function relativeError(values: number[], exact: number[]): number {
  let error = 0;
  let squares = 0;
  for (const [i, value] of exact.entries()) {
    error += (values[i] - value) ** 2;
    squares += value ** 2;
  }
  return Math.sqrt(error / squares);
}

/** A layer's matrices out of the store: gate and up [intermediate, hidden], down [hidden, intermediate]. */
function readLayer(store: ReturnType<typeof openStore>, layer: number) {
  const { numNeurons, neuronsPerBundle, hiddenSize, formats, downOrientation } = store.layers[layer];
  const gate: number[] = [];
  const up: number[] = [];
  const down = new Array<number>(hiddenSize * numNeurons);
  for (let bundle = 0; bundle < numNeurons / neuronsPerBundle; bundle++) {
    if (formats.gate !== null) gate.push(...decode(formats.gate, readPart(store, layer, 'gate', bundle)));
    up.push(...decode(formats.up, readPart(store, layer, 'up', bundle)));
    const part = decode(formats.down, readPart(store, layer, 'down', bundle));
    for (let neuron = 0; neuron < neuronsPerBundle; neuron++) {
      for (let output = 0; output < hiddenSize; output++) {
        const at = downOrientation === 'by-neuron' ? neuron * hiddenSize + output : output * neuronsPerBundle + neuron;
        down[output * numNeurons + bundle * neuronsPerBundle + neuron] = part[at];
      }
    }
  }
  return { gate, up, down };
}

const FORMATS: SourceFormat[] = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1'];
const LOSSLESS: ModelShape[] = [
  ...FORMATS.map((rows): ModelShape => ({ hiddenSize: 64, intermediateSize: 256, rows, dense: rows, norms: 'f32' })),
  ...(['f32', 'f16', 'bf16'] as const).map(
    (rows): ModelShape => ({
      hiddenSize: 36,
      intermediateSize: 75,
      rows,
      dense: rows,
      norms: rows,
      activation: 'relu',
    }),
  ),
  { hiddenSize: 64, intermediateSize: 172, rows: 'f32' },
  { hiddenSize: 20, intermediateSize: 37, rows: 'f32', activation: 'gelu', gated: false, tied: true },
  { hiddenSize: 96, intermediateSize: 160, rows: 'q4_0', down: 'q8_0' },
  { hiddenSize: 32, intermediateSize: 96, rows: 'q4_1', down: 'f16' },
];

describe('a store made as the source is', () => {
  it.each(LOSSLESS)('holds every weight unchanged: %j', async (shape) => {
    const checkpoint = randomCheckpoint(folder, shape);
    const destination = unused();
    const { requantized } = await convert(checkpoint, destination);
    for (const { relativeError } of requantized) expect(relativeError).toBe(0);
    const store = openStore(destination);
    for (let layer = 0; layer < 2; layer++) {
      const { gate, up, down } = readLayer(store, layer);
      expect(up).toEqual(checkpoint.values(`layers.${layer}.up`));
      expect(down).toEqual(checkpoint.values(`layers.${layer}.down`));
      if (checkpoint.spec.gated) expect(gate).toEqual(checkpoint.values(`layers.${layer}.gate`));
    }
    for (const [name, { format }] of store.tensors) {
      expect(decode(format, readResident(store, name)), name).toEqual(checkpoint.values(name));
    }
  });

  it.each(['q8_0', 'q4_0', 'q4_1', 'f16'] as const)('copies %s bits, blocks regrouped only', async (rows) => {
    const checkpoint = randomCheckpoint(folder, { hiddenSize: 64, intermediateSize: 256, rows, dense: rows });
    const destination = unused();
    expect((await convert(checkpoint, destination)).requantized).toEqual([]);
    const store = openStore(destination);
    const { neuronsPerBundle } = store.layers[1];
    const slice = bytesFor(rows, neuronsPerBundle);
    const row = bytesFor(rows, 256);
    for (let bundle = 0; bundle < 256 / neuronsPerBundle; bundle++) {
      const bytes = bytesFor(rows, neuronsPerBundle * 64);
      for (const part of ['gate', 'up'] as const) {
        const raw = checkpoint.raw(`layers.1.${part}`).subarray(bundle * bytes, (bundle + 1) * bytes);
        expect(readPart(store, 1, part, bundle).equals(raw)).toBe(true);
      }
      const down = readPart(store, 1, 'down', bundle);
      for (let output = 0; output < 64; output++) {
        const from = output * row + bundle * slice;
        const raw = checkpoint.raw('layers.1.down').subarray(from, from + slice);
        expect(down.subarray(output * slice, (output + 1) * slice).equals(raw)).toBe(true);
      }
    }
    for (const name of ['embedding', 'layers.0.q', 'head']) {
      expect(readResident(store, name).equals(checkpoint.raw(name)), name).toBe(true);
    }
  });

  it('lists bf16 as widened without loss where f32 was asked for', async () => {
    const checkpoint = randomCheckpoint(folder, { hiddenSize: 16, intermediateSize: 24, rows: 'bf16', dense: 'bf16' });
    const { requantized } = await convert(checkpoint, unused(), { rows: 'f32', dense: 'f32' });
    expect(requantized).toHaveLength(2 + 2 * 7);
    for (const entry of requantized) expect(entry).toMatchObject({ from: 'bf16', to: 'f32', relativeError: 0 });
  });

  it('gives back the tokenizer, the template and the text settings', async () => {
    const checkpoint = randomCheckpoint(folder, { hiddenSize: 16, intermediateSize: 24 });
    const stored = {
      tokenizer: { ü: ['漢字', 1.5] },
      chatTemplate: null,
      generationConfig: null,
      text: { bosId: null, eosIds: [], addBos: false, addEos: true },
    };
    const destination = unused();
    await convert(checkpoint, destination, { stored });
    const store = openStore(destination);
    expect(store.readTokenizer()).toEqual(stored.tokenizer);
    expect(store.readChatTemplate()).toBeNull();
    expect(store.text).toEqual(stored.text);
    expect(store.spec).toEqual(checkpoint.spec);
  });
});

describe('a store made in another format', () => {
  it.each<[ModelShape, { rows?: string; dense?: string }]>([
    [
      { hiddenSize: 64, intermediateSize: 256 },
      { rows: 'q8_0', dense: 'q8_0' },
    ],
    [
      { hiddenSize: 64, intermediateSize: 256, rows: 'bf16', dense: 'bf16' },
      { rows: 'q4_1', dense: 'q4_0' },
    ],
    [{ hiddenSize: 64, intermediateSize: 172 }, { rows: 'q4_0' }],
    [
      { hiddenSize: 64, intermediateSize: 96, rows: 'q4_0', dense: 'q4_1' },
      { rows: 'f16', dense: 'f32' },
    ],
    [
      { hiddenSize: 64, intermediateSize: 80, activation: 'relu' },
      { rows: 'q8_0', dense: 'f16' },
    ],
    [{ hiddenSize: 64, intermediateSize: 96, activation: 'relu', rows: 'q4_1' }, {}],
    [
      { hiddenSize: 50, intermediateSize: 36 },
      { rows: 'q4_0', dense: 'q8_0' },
    ],
  ])('is as far from the source as it says: %j %j', async (shape, options) => {
    const checkpoint = randomCheckpoint(folder, shape);
    const destination = unused();
    const { requantized } = await convert(checkpoint, destination, options);
    const store = openStore(destination);
    const layer = readLayer(store, 1);
    const found = (tensor: string) => {
      const part = /^layers\.1\.(gate|up|down)$/.exec(tensor)?.[1] as keyof typeof layer | undefined;
      return part === undefined ? decode(store.tensors.get(tensor)!.format, readResident(store, tensor)) : layer[part];
    };
    const BOUND: Record<string, number> = { f32: 0, f16: 0.001, q8_0: 0.02, q4_0: 0.2, q4_1: 0.2 };
    for (const entry of requantized.filter(({ tensor }) => !/^layers\.0\.(gate|up|down)/.test(tensor))) {
      const measured = relativeError(found(entry.tensor), checkpoint.values(entry.tensor));
      expect(entry.relativeError).toBeCloseTo(measured, 5);
      expect(measured, `${entry.tensor} ${entry.to}`).toBeLessThanOrEqual(BOUND[entry.to]);
    }
    expect(store.manifest.requantized).toEqual(requantized);
    expect(await verifyStore(destination, crc32c)).toMatchObject({ ok: true, firstBad: null });
  });
});
