import { afterAll, describe, expect, it } from 'vitest';
import { RING_SLOT } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { DEVICE_BLOCK, roundUp } from '../../dist/native-bridge/memory.js';
import { slotLayout } from '../../dist/native-bridge/slots.js';
import {
  buildLayer,
  ffnCall,
  firstBeyond,
  ISAS,
  naiveFfn,
  openStream,
  Random,
  range,
  temporaryFolder,
  thrownBy,
} from './support.js';

const folder = temporaryFolder();

describe.each(ISAS)('slots that come and go on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());
  const random = new Random(43);
  const layers = [16, 24].map((neuronsPerBundle) =>
    buildLayer(random, {
      hiddenSize: 64,
      numNeurons: 8 * neuronsPerBundle,
      neuronsPerBundle,
      formats: ['q4_0', 'q8_0', 'q4_1'],
    }),
  );
  const UNITS = 8;

  /** What is asked of units in slots, against arithmetic on the weights. */
  function check(stream: ReturnType<typeof openStream>['stream'], layer: number, slots: Uint32Array, tokens = 2): void {
    const x = random.floats(tokens * 64);
    const y = new Float32Array(tokens * 64);
    stream.ffn(ffnCall({ layer, units: range(UNITS), slots, x, tokens, y }));
    const { y: expected, bound } = naiveFfn(layers[layer], x, tokens, [...range(UNITS)]);
    expect(firstBeyond(y, expected, bound)).toBeNull();
  }

  /** Bytes for so many slots of each layer, one layer after the other. */
  function extension(slots: number) {
    let arenaBytes = 0;
    const places = layers.map(({ layer }) => {
      const arenaOffset = arenaBytes;
      arenaBytes = roundUp(arenaOffset + slots * slotLayout(layer).bytes, DEVICE_BLOCK);
      return { arenaOffset, slots };
    });
    return { arenaBytes, layers: places };
  }

  it.each([false, true])('hold units as a layer’s own do, and leave those as they are (direct: %s)', (direct) => {
    const { stream, ringOffset } = openStream(bridge, folder, layers, { slots: 2, ringBytes: 2 ** 17, direct });
    const ringFrom = (held: number) =>
      stream.startRing({
        arenaOffset: ringOffset,
        slots: 2,
        schedule: Uint32Array.from(
          layers.flatMap((_, layer) => Array.from({ length: UNITS - held }, (_, i) => [layer, held + i]).flat()),
        ),
      });
    const slotsOf = (held: number) => range(UNITS).map((id) => (id < held ? id : RING_SLOT));
    const pass = (held: number) => {
      for (const layer of layers.keys()) check(stream, layer, slotsOf(held));
    };
    const ask = (from: number, to: number) => {
      const units = range(UNITS).subarray(from, to);
      for (const layer of layers.keys()) stream.request(layer, units, units, to - from);
    };
    ringFrom(2);
    ask(0, 2);
    pass(2);
    for (const more of [3, 5, 1]) {
      stream.extend(extension(more));
      ringFrom(2 + more);
      ask(2, 2 + more);
      pass(2 + more);
      pass(2 + more);
      // Reads may be on their way when the slots go.
      ask(2, 2 + more);
      stream.extend(null);
      ringFrom(2);
      pass(2);
    }
    stream.dispose();
  });

  it('are refused beyond their number, and outside their arena', () => {
    const { stream } = openStream(bridge, folder, layers, { slots: 2 });
    const ask = (slot: number) => thrownBy(() => stream.request(0, range(1), Uint32Array.of(slot), 1)).code;
    expect(ask(2)).toBe('USAGE');
    stream.extend(extension(2));
    stream.request(0, range(1), Uint32Array.of(3), 1);
    expect(ask(4)).toBe('USAGE');
    const { arenaBytes, layers: places } = extension(2);
    for (const wrong of [
      { arenaBytes: arenaBytes - DEVICE_BLOCK, layers: places },
      { arenaBytes, layers: places.slice(1) },
      { arenaBytes, layers: places.map((place) => ({ ...place, arenaOffset: place.arenaOffset + 8 })) },
    ])
      expect(thrownBy(() => stream.extend(wrong)).code).toBe('USAGE');
    stream.extend(null);
    expect(ask(2)).toBe('USAGE');
    stream.dispose();
  });
});
