import { afterAll, describe, expect, it } from 'vitest';
import { COUNTERS, RING_SLOT } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { slotLayout } from '../../dist/native-bridge/slots.js';
import {
  buildLayer,
  ffnCall,
  firstBeyond,
  ISAS,
  type LayerSketch,
  naiveFfn,
  openStream,
  Random,
  range,
  temporaryFolder,
} from './support.js';

const folder = temporaryFolder();

/**
 * Experts of 768 x 256 weights a part in f32: 786432 bytes each, whole device blocks apart, as those of real models
 * are.
 */
const EXPERTS: LayerSketch = {
  hiddenSize: 256,
  numNeurons: 3 * 768,
  neuronsPerBundle: 768,
  orientation: 'by-output',
  layout: 'apart',
  start: 4128,
  checksums: false,
  formats: ['f32', 'f32', 'f32'],
};
const PART_BYTES = 786432;

const SKETCHES: [string, LayerSketch][] = [
  ['three tensors at odd offsets', EXPERTS],
  ['three tensors at odd offsets, smaller than a read', { ...EXPERTS, formats: ['q8_0', 'q4_1', 'q8_0'] }],
  ['one record of three parts', { ...EXPERTS, layout: 'bundled' }],
  ['one record, aligned', { ...EXPERTS, layout: 'bundled', start: 8192 }],
  ['distances that are no whole blocks', { ...EXPERTS, padding: 100 }],
  ['one record at distances that are no whole blocks', { ...EXPERTS, layout: 'bundled', padding: 2100 }],
  ['each at a place of its own, in two files', { ...EXPERTS, scattered: true }],
  ['small ones, each at a place of its own', { ...EXPERTS, neuronsPerBundle: 32, numNeurons: 192, scattered: true }],
  ['a single expert', { ...EXPERTS, numNeurons: 768, padding: 7 }],
  [
    'a large part beside small ones, two to a unit',
    {
      ...EXPERTS,
      orientation: 'by-neuron',
      numNeurons: 900,
      neuronsPerBundle: 180,
      bundlesPerUnit: 2,
      formats: ['q4_0', 'f32', 'q4_0'],
    },
  ],
];

describe.each(SKETCHES)('records of many blocks (%s)', (_, sketch) => {
  const random = new Random(61);
  const built = buildLayer(random, sketch);
  const { hiddenSize } = sketch;
  const x = random.floats(hiddenSize);
  const { y: expected, bound } = naiveFfn(built, x, 1);

  describe.each(ISAS)('on %s', (isa) => {
    const bridge = openBridge({ isa, threads: 2 });
    afterAll(() => bridge.dispose());

    it.each([true, false])('arrive whole up to the end of the file, with direct reads %s', (direct) => {
      const { stream, numUnits, ringOffset } = openStream(bridge, folder, [built], { direct, ringBytes: 2 ** 23 });
      const units = range(numUnits[0]);
      // Backwards in memory, so that what a read writes beyond its record would be seen in a neighbour.
      const slots = units.map((unit) => units.length - 1 - unit);
      const y = new Float32Array(hiddenSize);
      for (let round = 0; round < 2; round++) {
        stream.request(0, units, slots, units.length);
        stream.ffn(ffnCall({ units, slots, x, y }));
        expect(firstBeyond(y, expected, bound)).toBeNull();
      }
      for (const unit of units) stream.request(0, Uint32Array.of(unit), Uint32Array.of(slots[unit]), 1);
      stream.ffn(ffnCall({ units, slots, x, y }));
      expect(firstBeyond(y, expected, bound)).toBeNull();

      const schedule = Uint32Array.from([...units].flatMap((unit) => [0, unit]));
      stream.startRing({ arenaOffset: ringOffset, slots: 2, schedule });
      const fromRing = new Uint32Array(units.length).fill(RING_SLOT);
      for (let lap = 0; lap < 3; lap++) {
        stream.ffn(ffnCall({ units, slots: fromRing, x, y }));
        expect(firstBeyond(y, expected, bound)).toBeNull();
      }
      // What the ring read left the slots alone.
      stream.ffn(ffnCall({ units, slots, x, y }));
      expect(firstBeyond(y, expected, bound)).toBeNull();
      stream.dispose();
    });
  });
});

describe('an expert of 2.3 MB', () => {
  const random = new Random(62);

  it.each(ISAS.filter((isa) => isa !== 'ts'))('is read by several reads at once on %s', (isa) => {
    const bridge = openBridge({ isa, threads: 1 });
    for (const layout of ['apart', 'bundled'] as const) {
      const built = buildLayer(random, { ...EXPERTS, layout });
      const { stream } = openStream(bridge, folder, [built], { direct: true });
      const one = Uint32Array.of(1);
      stream.request(0, one, one, 1);
      stream.ffn(ffnCall({ units: one, slots: one, x: new Float32Array(256), y: new Float32Array(256) }));
      const counters = new Float64Array(Object.keys(COUNTERS).length);
      stream.counters(counters);
      expect(counters[COUNTERS.records]).toBe(3);
      expect(counters[COUNTERS.payloadBytes]).toBe(3 * PART_BYTES);
      // No block is read twice: each run of bytes is widened at its two ends at most.
      const runs = layout === 'apart' ? 3 : 1;
      expect(counters[COUNTERS.deviceBytes]).toBeLessThanOrEqual(3 * PART_BYTES + runs * 8192);
      stream.dispose();
    }
    bridge.dispose();
  });

  it('lies in its slot as it does among the blocks of the file, with whole blocks around it', () => {
    const { layer } = buildLayer(random, EXPERTS);
    const { areas, bytes } = slotLayout(layer);
    areas.forEach(({ offset, span }, e) => {
      expect(offset % 4096).toBe(layer.extents[e].offset % 4096);
      const next = areas[e + 1]?.offset ?? bytes;
      expect(Math.ceil((offset + span) / 4096)).toBeLessThanOrEqual(Math.floor(next / 4096));
    });
    expect(bytes % 4096).toBe(0);
    expect(bytes).toBeLessThanOrEqual(3 * (PART_BYTES + 2 * 4096));
  });
});
