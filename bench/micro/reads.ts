import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Bridge, type FeedForwardCall, RING_SLOT, type StreamLayer } from '../../native-bridge/bridge.js';
import { openBridge } from '../../native-bridge/index.js';
import { slotLayout } from '../../native-bridge/slots.js';
import { RandomWeights } from '../model/random-weights.js';
import { dropFromPageCache } from '../page-cache.js';
import { median } from '../statistics.js';
import type { Row } from '../table.js';
import type { Group } from './group.js';

const FILE_BYTES = 1 << 29;
/** A neuron of one device block: 1024 up and 1024 down weights in f16. */
const HIDDEN = 1024;
const BUNDLE_BYTES = 4096;
const NEURONS = FILE_BYTES / BUNDLE_BYTES;
const RECORDS = [4096, 16384, 65536, 262144, 1048576];
const DEPTHS = [1, 4, 16];
const ROUNDS = 7;
const SECONDS_PER_READING = 0.1;
/** The engine's merge gap. Records lie further apart, or they would be merged. */
const MERGE_GAP_BYTES = 16 * 1024;
const RING_SLOTS = 32;

export const reads: Group = {
  title: 'reads',
  note: `Scattered records of a ${FILE_BYTES >> 20} MiB file through RowStream into its arena, and raw reads of the same places, in turn; medians of ${ROUNDS}. Depth is the number of read threads; ring is a dense model's read-ahead, in order.`,
  async measure({ folder, wanted, threads }) {
    const cases = RECORDS.flatMap((record) => DEPTHS.map((depth) => ({ record, depth, kind: 'scattered' as const })));
    const ring = { record: 1048576, depth: 16, kind: 'ring' as const };
    const asked = [...cases, ring].filter(({ record, depth, kind }) =>
      wanted(`${kind} ${record / 1024} KiB depth ${depth}`),
    );
    if (asked.length === 0) return [];
    const path = join(folder, 'reads.bin');
    writeReadFile(path);
    const bridge = openBridge({ threads });
    try {
      return asked.map(({ record, depth, kind }) => compare(bridge, path, record, depth, kind));
    } finally {
      bridge.dispose();
    }
  },
};

function writeReadFile(path: string): void {
  const weights = new RandomWeights(1);
  const piece = 1 << 22;
  const file = openSync(path, 'w');
  try {
    for (let done = 0; done < FILE_BYTES; done += piece) writeSync(file, weights.next('f16', HIDDEN, piece));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  dropFromPageCache([path]);
}

function compare(bridge: Bridge, path: string, record: number, depth: number, kind: 'scattered' | 'ring'): Row {
  const perUnit = record / BUNDLE_BYTES;
  const units = NEURONS / perUnit;
  // Enough records for about a tenth of a second, none next to another.
  const speed = rawSpeed(bridge, path, record, FILE_BYTES, depth);
  const apart = Math.ceil((record + MERGE_GAP_BYTES) / record) + 1;
  const most = kind === 'ring' ? units : Math.floor(units / apart);
  const count =
    kind === 'ring' ? units : Math.max(depth, Math.min(most, Math.round((speed * SECONDS_PER_READING) / record)));
  const step = Math.floor(units / count);
  const wanted = Uint32Array.from({ length: count }, (_, i) => i * step);

  const ours: number[] = [];
  const raw: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(
      kind === 'ring'
        ? ringSpeed(bridge, path, perUnit, wanted, depth)
        : requestSpeed(bridge, path, perUnit, wanted, depth),
    );
    raw.push(rawSpeed(bridge, path, record, count * record, depth));
  }
  return {
    reads: kind,
    'record KiB': record / 1024,
    depth,
    records: count,
    'MB/s': median(ours) / 1e6,
    'raw MB/s': median(raw) / 1e6,
    'of raw': median(ours.map((value, i) => value / raw[i])),
  };
}

function rawSpeed(bridge: Bridge, path: string, record: number, bytes: number, depth: number): number {
  const probe = bridge.probeReads(path, record, bytes, depth);
  return probe.bytes / probe.seconds;
}

const layerOf = (bundlesPerUnit: number): Omit<StreamLayer, 'arenaOffset' | 'slots'> => ({
  hiddenSize: HIDDEN,
  numNeurons: NEURONS,
  neuronsPerBundle: 1,
  bundlesPerUnit,
  activation: 'relu',
  formats: { gate: null, up: 'f16', down: 'f16' },
  downOrientation: 'by-neuron',
  extents: [{ file: 0, offset: 0, bytes: BUNDLE_BYTES, stride: BUNDLE_BYTES }],
  parts: { gate: null, up: { extent: 0, offset: 0 }, down: { extent: 0, offset: BUNDLE_BYTES / 2 } },
  segments: [{ extent: 0, offset: 0, bytes: BUNDLE_BYTES }],
  checksums: null,
  residentPart: null,
});

function openStream(bridge: Bridge, path: string, perUnit: number, slots: number, ringSlots: number, depth: number) {
  const layer = layerOf(perUnit);
  const slotBytes = slotLayout(layer).bytes;
  const own = Math.ceil((slots * slotBytes) / 4096) * 4096;
  const stream = bridge.createStream({
    paths: [path],
    arenaBytes: own + ringSlots * slotBytes,
    readThreads: depth,
    direct: true,
    mergeGapBytes: MERGE_GAP_BYTES,
    layers: [{ ...layer, arenaOffset: 0, slots }],
  });
  return { stream, ringOffset: own };
}

const callOf = (units: Uint32Array, slots: Uint32Array): FeedForwardCall => ({
  layer: 0,
  units,
  slots,
  count: units.length,
  x: new Float32Array(HIDDEN),
  tokens: 1,
  residentProducts: null,
  weights: null,
  y: new Float32Array(HIDDEN),
  accumulate: false,
});

/** Reads like those of a selector's misses: all are requested at once, and computed as they arrive. */
function requestSpeed(bridge: Bridge, path: string, perUnit: number, units: Uint32Array, depth: number): number {
  const { stream } = openStream(bridge, path, perUnit, units.length, 0, depth);
  try {
    const slots = units.map((_, i) => i);
    const call = callOf(units, slots);
    const start = performance.now();
    stream.request(0, units, slots, units.length);
    stream.ffn(call);
    return speedSince(start, units.length * perUnit);
  } finally {
    stream.dispose();
  }
}

/** Reads like those of a dense model's unpinned share. */
function ringSpeed(bridge: Bridge, path: string, perUnit: number, units: Uint32Array, depth: number): number {
  const { stream, ringOffset } = openStream(bridge, path, perUnit, 1, RING_SLOTS, depth);
  try {
    const schedule = Uint32Array.from([...units].flatMap((unit) => [0, unit]));
    const slots = new Uint32Array(units.length).fill(RING_SLOT);
    const call = callOf(units, slots);
    const start = performance.now();
    stream.startRing({ arenaOffset: ringOffset, slots: RING_SLOTS, schedule });
    stream.ffn(call);
    return speedSince(start, units.length * perUnit);
  } finally {
    stream.dispose();
  }
}

const speedSince = (start: number, bundles: number) => (bundles * BUNDLE_BYTES * 1e3) / (performance.now() - start);
