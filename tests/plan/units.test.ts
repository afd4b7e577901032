import { describe, expect, it } from 'vitest';
import { bundlesIn, layerBytes, unitsOfAll, unitsOfGate, unitsWhole } from '../../dist/src/plan/units.js';
import { neuronLayer } from '../support/layer.js';

const MIB = 2 ** 20;
/** 1000 neurons of 6144 bytes: 6.1 MB. */
const SMALL = neuronLayer(1000, 1024);
/** 11008 neurons of 24576 bytes, as in a 7B: 270 MB. */
const LARGE = neuronLayer(11008, 4096);

describe('the units that a layer is read in', () => {
  it('are reads of at most 1 MiB, and no more than an eighth of the layer, where everything is asked for', () => {
    // 2^20 / 24576 = 42.7 neurons.
    expect(unitsOfAll(LARGE)).toMatchObject({
      bundlesPerUnit: 42,
      units: Math.ceil(11008 / 42),
      bundles: 11008,
      bundleBytes: 24576,
      residentBytes: 0,
      residentPart: null,
    });
    expect(unitsOfAll(SMALL)).toMatchObject({ bundlesPerUnit: 125, units: 8 });
    for (const layer of [SMALL, LARGE]) {
      const { slotBytes, bundlesPerUnit } = unitsOfAll(layer);
      expect(slotBytes).toBeGreaterThanOrEqual(bundlesPerUnit * layer.extents[0].bytes);
      expect(slotBytes).toBeLessThanOrEqual(MIB);
    }
  });

  it('are one bundle each where neighbours cannot be read together', () => {
    expect(unitsOfAll({ ...LARGE, downOrientation: 'by-output' }).bundlesPerUnit).toBe(1);
    const apart = { ...LARGE, extents: [LARGE.extents[0], { ...LARGE.extents[0], file: 1 }] };
    expect(unitsOfAll(apart)).toMatchObject({ bundlesPerUnit: 1, bundleBytes: 2 * 24576 });
  });

  it('are single neurons where a selector picks them, whole or without the gate that stays in memory', () => {
    expect(unitsWhole(SMALL)).toMatchObject({ bundlesPerUnit: 1, units: 1000, bundleBytes: 6144, residentBytes: 0 });
    expect(unitsOfGate(SMALL)).toMatchObject({
      bundlesPerUnit: 1,
      units: 1000,
      bundleBytes: 4096,
      residentPart: 'gate',
      residentBytes: 1000 * 2048,
    });
    expect(unitsOfGate(SMALL).slotBytes).toBeLessThan(unitsWhole(SMALL).slotBytes);
  });

  it('leave the rows of up in memory where the network has no gate', () => {
    const ungated = {
      ...SMALL,
      formats: { gate: null, up: 'f16' as const, down: 'f16' as const },
      extents: [{ ...SMALL.extents[0], bytes: 4096, stride: 4096 }],
      segments: [
        { extent: 0, offset: 0, bytes: 2048 },
        { extent: 0, offset: 2048, bytes: 2048 },
      ],
    };
    expect(unitsOfGate(ungated)).toMatchObject({ residentPart: 'up', bundleBytes: 2048, residentBytes: 1000 * 2048 });
  });

  it('hold the bundles of the layer, the last one those that are left over', () => {
    const unit = unitsOfAll(LARGE);
    const last = unit.units - 1;
    expect(bundlesIn(unit, [], 0)).toBe(0);
    expect(bundlesIn(unit, [0, 3], 2)).toBe(84);
    expect(bundlesIn(unit, [0, last], 2)).toBe(42 + (11008 - last * 42));
    const all = Array.from({ length: unit.units }, (_, i) => i);
    expect(bundlesIn(unit, all, all.length)).toBe(11008);
    expect(layerBytes(LARGE)).toBe(11008 * 24576);
  });
});
