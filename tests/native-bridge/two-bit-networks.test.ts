import { readFileSync, truncateSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { TwoBitNetworks, TwoBitNetworksSource } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ISAS, Random, temporaryFolder, thrownBy, writeFiles } from './support.js';
import { tileWeight } from './two-bit-weights.js';

const folder = temporaryFolder();
const TILE = 1344;
const DEVICE = 4096;

interface Shape {
  hiddenSize: number;
  gated: boolean;
  blocksPerLayer: number;
  blocks: number[];
}

const blockBytes = ({ hiddenSize, gated }: Shape) =>
  TILE * (16 * (gated ? 2 : 1) * Math.ceil(hiddenSize / 256) + Math.ceil(hiddenSize / 16));
const layerBytes = (shape: Shape) => Math.ceil((shape.blocksPerLayer * blockBytes(shape)) / DEVICE) * DEVICE;

/** Random tiles with factors of about `size`. What inputs lack to whole tiles has weights, too: nothing reads them. */
function build(random: Random, shape: Shape, size = 0x2000): TwoBitNetworksSource {
  const file = new Uint8Array(DEVICE + shape.blocks.length * layerBytes(shape));
  for (let i = 0; i < file.length; i++) file[i] = random.below(256);
  for (let layer = 0; layer < shape.blocks.length; layer++) {
    for (let block = 0; block < shape.blocksPerLayer; block++) {
      const at = DEVICE + layer * layerBytes(shape) + block * blockBytes(shape);
      for (let tile = at; tile < at + blockBytes(shape); tile += TILE)
        for (let half = 0; half < 32; half++) {
          const bits = size + random.below(0x400);
          file[tile + 1280 + 2 * half] = bits & 255;
          file[tile + 1280 + 2 * half + 1] = bits >> 8;
        }
    }
  }
  const [path] = writeFiles(folder, [file]);
  const { hiddenSize, gated, blocksPerLayer } = shape;
  return {
    ...{ path, offset: DEVICE, hiddenSize, gated, blocksPerLayer },
    ...{ activation: gated ? 'silu' : 'relu', blocks: Uint32Array.from(shape.blocks) },
  };
}

/** x as 8-bit integers times a scale, for each 256 of them, as numbers. */
function rounded(x: Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += 256) {
    const part = x.subarray(at, at + 256);
    const scale = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    for (let i = 0; i < part.length; i++) out[at + i] = scale === 0 ? 0 : Math.round(part[i] / scale) * scale;
  }
  return out;
}

/** The network of a layer in doubles, and with inputs in 8 bits where they are to be `rounds`. */
function expected(source: TwoBitNetworksSource, shape: Shape, layer: number, x: Float32Array, rounds: boolean) {
  const file = readFileSync(source.path);
  const { hiddenSize, gated } = shape;
  const columnTiles = Math.ceil(hiddenSize / 256);
  const asInputs = (of: Float64Array) => (rounds ? rounded(of) : of);
  const inputs = asInputs(Float64Array.from(x.subarray(0, hiddenSize)));
  const start = DEVICE + layer * layerBytes(shape);
  const hidden = Float64Array.from({ length: 256 * shape.blocks[layer] }, (_, neuron) => {
    const tiles = start + Math.floor(neuron / 256) * blockBytes(shape);
    const first = tiles + Math.floor((neuron % 256) / 16) * TILE * columnTiles * (gated ? 2 : 1);
    const product = (part: number) =>
      inputs.reduce((sum, value, column) => {
        const tile = first + TILE * (part * columnTiles + Math.floor(column / 256));
        return sum + value * tileWeight(file.subarray(tile, tile + TILE), neuron % 16, column % 256);
      }, 0);
    const gate = product(0);
    return gated ? (gate / (1 + Math.exp(-gate))) * product(1) : Math.max(0, gate);
  });
  const acts = asInputs(hidden);
  return Float64Array.from({ length: hiddenSize }, (_, output) =>
    acts.reduce((sum, value, neuron) => {
      const block = start + Math.floor(neuron / 256) * blockBytes(shape);
      const down = block + 16 * TILE * columnTiles * (gated ? 2 : 1) + TILE * Math.floor(output / 16);
      return sum + value * tileWeight(file.subarray(down, down + TILE), output % 16, neuron % 256);
    }, 0),
  );
}

/** The length of the difference, as a share of what was expected. */
function error(y: Float32Array, wanted: Float64Array): number {
  const length = (of: Float64Array) => Math.hypot(...of);
  return length(wanted.map((value, i) => value - y[i])) / length(wanted);
}

describe.each(ISAS)('networks in two bits on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());

  it.each<[string, Shape]>([
    ['gated', { hiddenSize: 256, gated: true, blocksPerLayer: 2, blocks: [2, 1] }],
    ['without a gate', { hiddenSize: 512, gated: false, blocksPerLayer: 1, blocks: [1] }],
    ['whose inputs fill no whole tiles', { hiddenSize: 328, gated: true, blocksPerLayer: 3, blocks: [0, 2] }],
  ])('%s', (_, shape) => {
    const random = new Random(7);
    const source = build(random, shape);
    const networks = bridge.loadTwoBitNetworks(source);
    expect(networks.bytes).toBeGreaterThanOrEqual(shape.blocks.reduce((a, b) => a + b) * blockBytes(shape));
    for (let layer = 0; layer < shape.blocks.length; layer++) {
      const x = random.floats(shape.hiddenSize);
      const y = new Float32Array(shape.hiddenSize).fill(5);
      networks.run(layer, x, y);
      if (shape.blocks[layer] === 0) {
        expect(y.every((value) => value === 0)).toBe(true);
        continue;
      }
      // A number on the edge between two integers may fall to either.
      expect(error(y, expected(source, shape, layer, x, isa !== 'ts'))).toBeLessThan(isa === 'ts' ? 1e-5 : 1e-3);
      expect(error(y, expected(source, shape, layer, x, false))).toBeLessThan(0.03);
      const again = new Float32Array(shape.hiddenSize);
      networks.run(layer, x, again);
      expect(again).toEqual(y);
    }
    networks.dispose();
    expect(thrownBy(() => networks.run(0, new Float32Array(512), new Float32Array(512)))).toMatchObject({
      code: 'USAGE',
    });
  });

  const SMALL: Shape = { hiddenSize: 64, gated: true, blocksPerLayer: 1, blocks: [1, 1] };
  const using = (source: TwoBitNetworksSource, use: (networks: TwoBitNetworks) => void) => {
    const networks = bridge.loadTwoBitNetworks(source);
    use(networks);
    networks.dispose();
  };

  it('zeros give zeros, and what is no number gives none', () => {
    using(build(new Random(9), SMALL), (networks) => {
      const y = new Float32Array(64);
      networks.run(1, new Float32Array(64), y);
      expect(y.every((value) => value === 0)).toBe(true);
      for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
        networks.run(0, new Float32Array(64).fill(1).fill(odd, 3, 4), y);
        expect(y.every(Number.isNaN)).toBe(true);
      }
    });
  });

  it('refuses what does not fit, and files that end early', () => {
    const source = build(new Random(11), SMALL);
    const code = (change: Partial<TwoBitNetworksSource>) =>
      thrownBy(() => bridge.loadTwoBitNetworks({ ...source, ...change }));
    expect(code({ hiddenSize: 0 })).toMatchObject({ code: 'USAGE' });
    expect(code({ blocks: new Uint32Array(0) })).toMatchObject({ code: 'USAGE' });
    expect(code({ blocks: Uint32Array.of(1, 2) })).toMatchObject({ code: 'USAGE' });
    expect(code({ offset: 100 })).toMatchObject({ code: 'USAGE' });
    expect(code({ path: `${source.path}.gone` })).toMatchObject({ code: 'IO' });
    using(source, (networks) => {
      const [x, y] = [new Float32Array(64), new Float32Array(64)];
      expect(thrownBy(() => networks.run(2, x, y))).toMatchObject({ code: 'USAGE' });
      expect(thrownBy(() => networks.run(0, x.subarray(1), y))).toMatchObject({ code: 'USAGE' });
      expect(thrownBy(() => networks.run(0, x, y.subarray(1)))).toMatchObject({ code: 'USAGE' });
    });
    expect(code({ activation: 'clamped-silu' })).toMatchObject({ code: 'USAGE' });
    expect(code({ blocksPerLayer: 0, blocks: Uint32Array.of(0) })).toMatchObject({ code: 'USAGE' });
    truncateSync(source.path, DEVICE + layerBytes(SMALL) + 5000);
    expect(code({})).toMatchObject({ code: 'CORRUPT', details: { offset: DEVICE + layerBytes(SMALL) + 5000 } });
    // Several megabytes are read by several threads at once.
    const large = build(new Random(13), { hiddenSize: 1024, gated: true, blocksPerLayer: 10, blocks: [10] });
    truncateSync(large.path, DEVICE + 1_200_000);
    expect(thrownBy(() => bridge.loadTwoBitNetworks(large))).toMatchObject({
      code: 'CORRUPT',
      details: { offset: DEVICE + 1_200_000 },
    });
  });
});
