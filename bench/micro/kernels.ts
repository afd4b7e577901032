import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Bridge, BundleGeometry, FeedForwardCall, Isa, RowStream } from '../../native-bridge/bridge.js';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import { availableIsas, openBridge } from '../../native-bridge/index.js';
import { READ_THREADS } from '../../src/disk/read-threads.js';
import { type UnitShape, unitsOfAll, unitsOfGate } from '../../src/plan/units.js';
import { bundlePartBytes } from '../../src/store/geometry.js';
import { chooseSlice } from '../../src/store/slicing.js';
import { chooseStride } from '../../src/store/stride.js';
import { lastLevelCacheBytes } from '../machine.js';
import { RandomWeights } from '../model/random-weights.js';
import { memoryBandwidth } from '../probes/memory.js';
import type { Row } from '../table.js';
import { type Group, medianMs, type Workshop } from './group.js';

const HIDDEN = 4096;
const NEURONS = 2048;
const TOKENS = [1, 2, 4, 8, 16, 64];
/** Weights that are multiplied by in turn, as a multiple of the last-level cache: far too many for it. */
const CACHES_FULL = 4;

type Kind = 'by-neuron' | 'by-output' | 'matrix';

/** A call that is made again and again, over other weights each time. */
export interface Kernel {
  /** Weights that one call multiplies by, and their bytes. */
  weights: number;
  bytes: number;
  run(tokens: number): void;
  dispose(): void;
}

export const kernels: Group = {
  title: 'kernels',
  note: `One layer's feed-forward network of ${NEURONS} neurons (by-neuron: without the resident gate), or a resident ${HIDDEN} x ${HIDDEN} matrix; weights come from memory, not from a cache.`,
  async measure(workshop) {
    const rows: Row[] = [];
    const isas = availableIsas().filter((isa) => isa !== 'ts');
    for (const format of Object.keys(FORMATS) as RowFormat[]) {
      for (const kind of ['by-neuron', 'by-output', 'matrix'] as const) {
        const name = (isa: Isa) => `${kind} ${format} ${isa}`;
        if (isas.some((isa) => workshop.wanted(name(isa)))) {
          const build = prepare(workshop, kind, format);
          for (const isa of isas)
            if (workshop.wanted(name(isa)))
              rows.push(
                ...(await measure(workshop, isa, build)).map((figures) => ({ kernel: kind, format, isa, ...figures })),
              );
        }
      }
    }
    return rows;
  },
};

async function measure({ threads }: Workshop, isa: Isa, build: (bridge: Bridge) => Kernel): Promise<Row[]> {
  const bridge = openBridge({ isa, threads });
  const kernel = build(bridge);
  try {
    const rows: Row[] = [];
    const memory = await memoryBandwidth(threads);
    let alone = 0;
    for (const tokens of TOKENS) {
      const ms = await medianMs(() => kernel.run(tokens));
      if (tokens === 1) alone = ms;
      const speed = (kernel.bytes / ms) * 1e3;
      rows.push({
        tokens,
        ms,
        'times one token': ms / alone,
        'GB/s': speed / 1e9,
        'memory GB/s': tokens === 1 ? memory / 1e9 : null,
        'of memory': tokens === 1 ? speed / memory : null,
        'GFLOP/s': (2 * kernel.weights * tokens) / ms / 1e6,
      });
    }
    return rows;
  } finally {
    kernel.dispose();
    bridge.dispose();
  }
}

/** Writes the weights of a kernel to a file, once for all instruction sets. */
export function prepare(workshop: Pick<Workshop, 'folder'>, kind: Kind, format: RowFormat): (bridge: Bridge) => Kernel {
  const path = join(workshop.folder, 'weights.bin');
  if (kind !== 'matrix') {
    const layer = geometry(kind, format);
    writeBundles(path, layer);
    return (bridge) => feedForward(bridge, path, layer);
  }
  writeParts(path, [{ format, columns: HIDDEN, bytes: HIDDEN * rowBytes(format, HIDDEN) }], 0, 1);
  return (bridge) => matrices(bridge, path, format);
}

/**
 * A layer as the store would lay it out: in slices, or neuron by neuron for ReLU, where blocks of down become q8_0.
 */
function geometry(kind: 'by-neuron' | 'by-output', format: RowFormat): BundleGeometry {
  const byNeuron = kind === 'by-neuron';
  const formats = {
    gate: format,
    up: format,
    down: byNeuron && FORMATS[format].blockSize > 1 ? 'q8_0' : format,
  } as const;
  const cut = { hiddenSize: HIDDEN, numNeurons: NEURONS, formats, downOrientation: kind };
  const whole = bundlePartBytes({ ...cut, neuronsPerBundle: NEURONS });
  const perNeuron = (whole.gate + whole.up + whole.down) / NEURONS;
  const neuronsPerBundle = byNeuron ? 1 : chooseSlice(NEURONS, perNeuron, FORMATS[format].blockSize);
  const part = bundlePartBytes({ ...cut, neuronsPerBundle });
  const bytes = part.gate + part.up + part.down;
  return {
    ...cut,
    neuronsPerBundle,
    activation: byNeuron ? 'relu' : 'silu',
    extents: [{ file: 0, offset: 0, bytes, stride: chooseStride(bytes) }],
    parts: {
      gate: { extent: 0, offset: 0 },
      up: { extent: 0, offset: part.gate },
      down: { extent: 0, offset: part.gate + part.up },
    },
    segments: [
      { extent: 0, offset: 0, bytes: part.gate },
      { extent: 0, offset: part.gate, bytes: bytes - part.gate },
    ],
    checksums: null,
  };
}

function writeBundles(
  path: string,
  { hiddenSize, neuronsPerBundle, formats, downOrientation, extents, numNeurons }: BundleGeometry,
): void {
  const part = bundlePartBytes({ hiddenSize, neuronsPerBundle, formats, downOrientation });
  const parts = [
    { format: formats.gate!, columns: hiddenSize, bytes: part.gate },
    { format: formats.up, columns: hiddenSize, bytes: part.up },
    { format: formats.down, columns: numNeurons, bytes: part.down },
  ];
  writeParts(path, parts, extents[0].stride - extents[0].bytes, numNeurons / neuronsPerBundle);
}

function writeParts(
  path: string,
  parts: readonly { format: RowFormat; columns: number; bytes: number }[],
  padding: number,
  times: number,
): void {
  const weights = new RandomWeights(1);
  const gap = Buffer.alloc(padding);
  const file = openSync(path, 'w');
  try {
    for (let i = 0; i < times; i++) {
      for (const { format, columns, bytes } of parts) writeSync(file, weights.next(format, columns, bytes));
      writeSync(file, gap);
    }
  } finally {
    closeSync(file);
  }
}

/** More layers in the arena than any cache holds. Each call takes the next one. */
function feedForward(bridge: Bridge, path: string, layer: BundleGeometry): Kernel {
  const byNeuron = layer.downOrientation === 'by-neuron';
  const unit = byNeuron ? unitsOfGate(layer) : unitsOfAll(layer);
  const layerBytes = Math.ceil((unit.units * unit.slotBytes) / 4096) * 4096;
  const copies = Math.ceil((CACHES_FULL * lastLevelCacheBytes()) / layerBytes);
  const stream = bridge.createStream({
    paths: [path],
    arenaBytes: copies * layerBytes,
    readThreads: READ_THREADS,
    direct: false,
    mergeGapBytes: 0,
    layers: Array.from({ length: copies }, (_, i) => ({
      ...layer,
      ...unit,
      arenaOffset: i * layerBytes,
      slots: unit.units,
    })),
  });
  const call = feedForwardCall(stream, unit);
  for (let i = 0; i < copies; i++) {
    stream.request(i, call.units, call.units, unit.units);
    call.run(i, 1);
  }
  let next = 0;
  return {
    weights: NEURONS * HIDDEN * (byNeuron ? 2 : 3),
    bytes: (NEURONS / layer.neuronsPerBundle) * unit.bundleBytes,
    run: (tokens) => call.run(next++ % copies, tokens),
    dispose: () => stream.dispose(),
  };
}

function feedForwardCall(stream: RowStream, unit: UnitShape) {
  const most = Math.max(...TOKENS);
  const units = Uint32Array.from({ length: unit.units }, (_, i) => i);
  const x = activations(most * HIDDEN);
  const call: FeedForwardCall = {
    layer: 0,
    units,
    slots: units,
    count: unit.units,
    x,
    tokens: 1,
    residentProducts: unit.residentPart ? activations(most * NEURONS) : null,
    weights: null,
    y: new Float32Array(most * HIDDEN),
    accumulate: false,
  };
  const run = (layer: number, tokens: number) => {
    call.layer = layer;
    call.tokens = tokens;
    stream.ffn(call);
  };
  return { units, run };
}

function matrices(bridge: Bridge, path: string, format: RowFormat): Kernel {
  const rowStride = rowBytes(format, HIDDEN);
  const bytes = HIDDEN * rowStride;
  const copies = Math.ceil((CACHES_FULL * lastLevelCacheBytes()) / bytes);
  const source = { path, offset: 0, rowStride, rows: HIDDEN, columns: HIDDEN, format };
  const held = Array.from({ length: copies }, () => bridge.loadMatrix(source));
  const most = Math.max(...TOKENS);
  const x = activations(most * HIDDEN);
  const y = new Float32Array(most * HIDDEN);
  let next = 0;
  return {
    weights: HIDDEN * HIDDEN,
    bytes,
    run: (tokens) => held[next++ % copies].matmul(x, tokens, y),
    dispose: () => {
      for (const matrix of held) matrix.dispose();
    },
  };
}

/** Inputs of about the size that a norm gives. All are above zero, so that no neuron is skipped. */
const activations = (count: number) => Float32Array.from({ length: count }, (_, i) => 0.25 + ((i * 37) % 101) / 101);
