import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Bridge } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { slotLayout } from '../../dist/native-bridge/slots.js';
import {
  bits,
  buildLayer,
  computeAll,
  firstBeyond,
  ISAS,
  naiveFfn,
  openStream,
  Random,
  range,
  temporaryFolder,
  thrownBy,
  writeFiles,
} from './support.js';

const folder = temporaryFolder();

describe.each(ISAS)('bridges on %s', (isa) => {
  const random = new Random(71);
  const built = buildLayer(random, { hiddenSize: 64, numNeurons: 256, formats: ['q4_0', 'q4_0', 'q8_0'] });
  const x = random.floats(64);

  const use = (bridge: Bridge) => {
    const opened = openStream(bridge, folder, [built], { direct: true });
    const y = computeAll(opened, built, 0, x, 1);
    opened.stream.dispose();
    return y;
  };

  it('name their instruction set and threads', () => {
    const bridge = openBridge({ isa, threads: 3 });
    expect([bridge.isa, bridge.threads]).toEqual([isa, 3]);
    bridge.dispose();
  });

  it('come and go many times', () => {
    const expected = naiveFfn(built, x, 1);
    for (let round = 0; round < 100; round++) {
      const bridge = openBridge({ isa, threads: 1 + (round % 4) });
      if (round % 10 === 0) expect(firstBeyond(use(bridge), expected.y, expected.bound)).toBeNull();
      bridge.dispose();
      bridge.dispose();
    }
  });

  it('work side by side', () => {
    const [one, other] = [openBridge({ isa, threads: 1 }), openBridge({ isa, threads: 2 })];
    const streams = [one, other, one].map((bridge) => openStream(bridge, folder, [built], { direct: true }));
    const results = streams.map((opened) => bits(computeAll(opened, built, 0, x, 1)));
    streams[0].stream.dispose();
    results.push(bits(computeAll(streams[1], built, 0, x, 1)), bits(computeAll(streams[2], built, 0, x, 1)));
    for (const { stream } of streams.slice(1)) stream.dispose();
    one.dispose();
    results.push(bits(use(other)));
    other.dispose();
    expect(results.every((result) => result.equals(results[0]))).toBe(true);
  });

  // The twin's memory goes when the garbage collector comes round.
  it.skipIf(isa === 'ts')('give memory back when what they made is disposed', () => {
    const bridge = openBridge({ isa, threads: 1 });
    const bytes = 2 ** 24;
    const [path] = writeFiles(folder, [new Uint8Array(bytes).fill(1)]);
    const large = buildLayer(random, {
      hiddenSize: 2048,
      numNeurons: 1024,
      formats: [null, 'f32', 'f32'],
      checksums: false,
    });
    const paths = writeFiles(folder, large.files);
    const vectors = new Float32Array(1024 * 1024);
    const round = () => {
      const matrix = bridge.loadMatrix({
        path,
        offset: 0,
        rowStride: 4096,
        rows: bytes / 4096,
        columns: 1024,
        format: 'f32',
      });
      matrix.dispose();
      const opened = openStream(bridge, folder, [large], { paths });
      computeAll(opened, large, 0, vectors, 1);
      opened.stream.dispose();
      const shape = { numLayers: 1, numAttentionHeads: 8, numKeyValueHeads: 8, headDim: 128, contextSize: 1024 };
      const cache = bridge.createKeyValueCache({ ...shape, format: 'f32' });
      cache.append(0, 0, 1024, vectors, vectors);
      cache.dispose();
    };
    round();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 12; i++) round();
    // What leaked even one of the three every round would have grown by 96 MB or more.
    expect(process.memoryUsage.rss() - before).toBeLessThan(64e6);
    bridge.dispose();
  });

  it('make nothing more once disposed', () => {
    const bridge = openBridge({ isa, threads: 1 });
    bridge.dispose();
    expect(thrownBy(() => use(bridge)).code).toBe('USAGE');
  });

  it('may be left undisposed in a worker that is terminated while it reads', async () => {
    const wide = buildLayer(random, {
      hiddenSize: 256,
      numNeurons: 2048,
      formats: ['f32', 'q8_0', 'q8_0'],
      checksums: false,
    });
    const arenaBytes = 2048 * slotLayout(wide.layer).bytes;
    const workerData = {
      isa,
      module: new URL('../../dist/native-bridge/index.js', import.meta.url).href,
      options: {
        paths: writeFiles(folder, wide.files),
        arenaBytes: arenaBytes + 2 ** 20,
        readThreads: 4,
        direct: true,
        mergeGapBytes: 0,
        filledAtOnce: true,
        layers: [{ ...wide.layer, arenaOffset: 0, slots: 2048 }],
      },
      ring: {
        arenaOffset: Math.ceil(arenaBytes / 4096) * 4096,
        slots: 8,
        schedule: Uint32Array.from([...range(2048)].flatMap((unit) => [0, unit])),
      },
    };
    for (let round = 0; round < 4; round++) {
      const worker = new Worker(ENDLESS_READER, { eval: true, workerData });
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      expect(await worker.terminate()).toBe(1);
    }
    const bridge = openBridge({ isa, threads: 2 });
    expect(use(bridge)).toHaveLength(64);
    bridge.dispose();
  });
});

/** Reads and computes until it is killed; half of the reads are still on their way then. */
const ENDLESS_READER = `
const { parentPort, workerData: { isa, module, options, ring } } = require('node:worker_threads');
import(module).then(({ openBridge }) => {
  const bridge = openBridge({ isa, threads: 2 });
  const stream = bridge.createStream(options);
  bridge.createKeyValueCache({ numLayers: 1, numAttentionHeads: 1, numKeyValueHeads: 1, headDim: 8, contextSize: 8, format: 'i16' });
  stream.startRing(ring);
  const units = Uint32Array.from({ length: 2048 }, (_, i) => i);
  const call = {
    layer: 0,
    units,
    slots: units,
    count: 2048,
    x: new Float32Array(256).fill(0.1),
    tokens: 1,
    residentProducts: null,
    weights: null,
    y: new Float32Array(256),
    accumulate: false,
  };
  parentPort.postMessage('reading');
  for (;;) {
    stream.request(0, units, units, 2048);
    stream.ffn(call);
  }
});
`;
