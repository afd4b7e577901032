import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planLayout } from '../../dist/src/store/layout.js';
import { openStore } from '../../dist/src/store/reader.js';
import { chooseSlice } from '../../dist/src/store/slicing.js';
import { convert, failure, type ModelShape, randomCheckpoint, scratchFolder } from './support.js';

const folder = scratchFolder();
const MIB = 1024 * 1024;

describe('slices of a layer', () => {
  it('are near 1 MiB in large models, on block edges', () => {
    // Llama-2-7B in q4_1: 3 * 4096 weights a neuron, 20 bytes per 32.
    const bytesPerNeuron = (3 * 4096 * 20) / 32;
    const neurons = chooseSlice(11008, bytesPerNeuron, 32);
    expect(11008 % neurons).toBe(0);
    expect(neurons % 32).toBe(0);
    expect(neurons * bytesPerNeuron).toBeGreaterThan(MIB / 2);
    expect(neurons * bytesPerNeuron).toBeLessThanOrEqual(1.5 * MIB);
  });

  it('are about eight where a layer is small', () => {
    expect(512 / chooseSlice(512, 3072, 32)).toBe(8);
    expect(172 / chooseSlice(172, 768, 1)).toBeGreaterThanOrEqual(4);
  });

  it('are single neurons where only those divide a layer', () => {
    expect(chooseSlice(10007, 49152, 1)).toBe(1);
    expect(chooseSlice(97, 192, 1)).toBe(1);
  });
});

describe('a layout', () => {
  const plan = (shape: ModelShape, options = {}) => planLayout(randomCheckpoint(folder, shape), options);

  it('gives ReLU models one record a neuron, gate first and apart', () => {
    const [layer] = plan({ hiddenSize: 64, intermediateSize: 96, activation: 'relu', rows: 'f16' }).layers;
    expect(layer).toMatchObject({ neuronsPerBundle: 1, downOrientation: 'by-neuron' });
    expect(layer.segments).toEqual([
      { extent: 0, offset: 0, bytes: 128 },
      { extent: 0, offset: 128, bytes: 256 },
    ]);
    expect(layer.parts).toEqual({
      gate: { extent: 0, offset: 0 },
      up: { extent: 0, offset: 128 },
      down: { extent: 0, offset: 256 },
    });
  });

  it('gives ReLU models without a gate up first and apart', () => {
    const [layer] = plan({ hiddenSize: 64, intermediateSize: 96, activation: 'relu', gated: false }).layers;
    expect(layer.parts.gate).toBeNull();
    expect(layer.segments).toEqual([
      { extent: 0, offset: 0, bytes: 256 },
      { extent: 0, offset: 256, bytes: 256 },
    ]);
  });

  it('gives other models slices of the down rows, checked whole', () => {
    const [layer] = plan({ hiddenSize: 64, intermediateSize: 256, rows: 'q4_0' }).layers;
    expect(layer).toMatchObject({ neuronsPerBundle: 32, downOrientation: 'by-output' });
    expect(layer.segments).toEqual([{ extent: 0, offset: 0, bytes: 3 * 32 * 36 }]);
  });

  it.each([
    ['q8_0', 'silu', 64, 172, { gate: 'q8_0', up: 'q8_0', down: 'q8_0' }, 'by-neuron'],
    ['q8_0', 'silu', 50, 172, { gate: 'f16', up: 'f16', down: 'f16' }, 'by-output'],
    ['q4_1', 'silu', 50, 96, { gate: 'f16', up: 'f16', down: 'q4_1' }, 'by-output'],
    ['q4_0', 'relu', 64, 97, { gate: 'q4_0', up: 'q4_0', down: 'q4_0' }, 'by-neuron'],
    ['q4_0', 'relu', 50, 64, { gate: 'f16', up: 'f16', down: 'f16' }, 'by-neuron'],
  ] as const)(
    'asked for %s rows in a %s model of %i x %i, keeps to it where rows hold whole blocks, else takes f16',
    (...expected) => {
      const [rows, activation, hiddenSize, intermediateSize, formats, orientation] = expected;
      const [layer] = plan({ hiddenSize, intermediateSize, activation }, { rows }).layers;
      expect(layer.formats).toEqual(formats);
      expect(layer.downOrientation).toBe(orientation);
    },
  );

  it('re-blocks a quantized down matrix to q8_0 where neurons are picked one by one', () => {
    const { layers, conversions } = plan({ hiddenSize: 64, intermediateSize: 96, activation: 'relu', rows: 'q4_1' });
    expect(layers[0].formats).toEqual({ gate: 'q4_1', up: 'q4_1', down: 'q8_0' });
    expect(conversions.filter(({ tensor }) => tensor.startsWith('layers.0'))).toEqual([
      { tensor: 'layers.0.down', from: 'q4_1', to: 'q8_0' },
    ]);
  });

  it('requantizes the dense matrices on request, never the norms', () => {
    const { resident } = plan({ hiddenSize: 64, intermediateSize: 96, norms: 'f16' }, { dense: 'q4_0' });
    for (const { shape, format } of resident) expect(format).toBe(shape.length === 1 ? 'f32' : 'q4_0');
  });

  it('names the formats there are when asked for another', async () => {
    const error = await failure(() => plan({ hiddenSize: 8, intermediateSize: 8 }, { rows: 'q3_x' }));
    expect(error.code).toBe('BAD_USAGE');
    expect(error.message).toMatch(/"q3_x".*source, f32, f16, q4_0, q4_1, q8_0/);
  });

  it.each<[ModelShape, object]>([
    [{ hiddenSize: 64, intermediateSize: 172 }, {}],
    [
      { hiddenSize: 64, intermediateSize: 172 },
      { rows: 'q8_0', dense: 'q8_0' },
    ],
    [{ hiddenSize: 20, intermediateSize: 37, activation: 'relu', tied: true, rows: 'bf16', dense: 'bf16' }, {}],
    [{ hiddenSize: 96, intermediateSize: 320, rows: 'q4_1', down: 'q8_0', dense: 'q4_0' }, { dense: 'f16' }],
    [{ hiddenSize: 64, intermediateSize: 64, gated: false, activation: 'gelu', numLayers: 1 }, { rows: 'q4_0' }],
  ])('says exactly what is written afterwards: %j %j', async (shape, options) => {
    const checkpoint = randomCheckpoint(folder, shape);
    const layout = planLayout(checkpoint, options);
    const destination = join(folder, `sizes-${Math.random()}`);
    const result = await convert(checkpoint, destination, options);
    expect(statSync(join(destination, 'rows.bin')).size).toBe(layout.rowsBytes);
    expect(statSync(join(destination, 'resident.bin')).size).toBe(layout.residentBytes);
    expect(layout.rowsBytes % 4096).toBe(0);
    const { layers, manifest, bytes } = openStore(destination);
    expect(bytes).toBe(result.bytes);
    expect(layers.map((layer) => ({ ...layer, checksums: null }))).toEqual(layout.layers);
    expect(manifest.resident.map(({ checksum: _, ...tensor }) => tensor)).toEqual(layout.resident);
    for (const layer of layers) expect(layer.extents[0].offset % 4096).toBe(0);
    expect(layout.conversions).toHaveLength(result.requantized.length);
    expect(result.requantized).toEqual(
      expect.arrayContaining(layout.conversions.map((c) => expect.objectContaining(c))),
    );
  });
});
