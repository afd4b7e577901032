import { describe, expect, it } from 'vitest';
import { isRowFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { slotLayout } from '../../dist/native-bridge/slots.js';
import { buildLayer, Random } from './support.js';

describe('row formats', () => {
  it.each([
    ['f32', 96, 384],
    ['f16', 96, 192],
    ['q8_0', 96, 102],
    ['q4_0', 96, 54],
    ['q4_1', 96, 60],
  ] as const)('a row of %s with %i weights takes %i bytes', (format, columns, bytes) => {
    expect(rowBytes(format, columns)).toBe(bytes);
  });

  it('refuses a row that is not whole blocks', () => {
    expect(() => rowBytes('q4_0', 48)).toThrow(RangeError);
    expect(rowBytes('f16', 20)).toBe(40);
  });

  it('knows its own names only', () => {
    expect(isRowFormat('q8_0')).toBe(true);
    expect(isRowFormat('Q8_0')).toBe(false);
    expect(isRowFormat('toString')).toBe(false);
  });
});

describe('slot layout', () => {
  const random = new Random(5);

  it('keeps a unit of every shape inside its areas, and the areas apart', () => {
    for (const layout of ['bundled', 'apart'] as const)
      for (const bundlesPerUnit of [1, 3])
        for (const padding of [0, 100]) {
          const { layer } = buildLayer(random, {
            hiddenSize: 64,
            numNeurons: 12,
            bundlesPerUnit,
            layout,
            padding,
            formats: ['q4_0', 'q8_0', 'f16'],
          });
          const { areas, bytes } = slotLayout(layer);
          areas.forEach((area, e) => {
            expect(area.span).toBe((bundlesPerUnit - 1) * layer.extents[e].stride + layer.extents[e].bytes);
            expect(area.offset % 64).toBe(0);
            expect(area.offset + area.span).toBeLessThanOrEqual(areas[e + 1]?.offset ?? bytes);
          });
        }
  });

  it('gives large areas whole device blocks, for reads straight into them', () => {
    const { layer } = buildLayer(random, {
      hiddenSize: 4096,
      numNeurons: 8,
      neuronsPerBundle: 4,
      formats: [null, 'f32', 'f32'],
    });
    const { areas, bytes } = slotLayout({
      ...layer,
      extents: layer.extents.map((extent) => ({ ...extent, bytes: extent.bytes - 4 })),
    });
    expect(areas[0].offset % 4096).toBe(0);
    expect(bytes % 4096).toBe(0);
    expect(bytes).toBeGreaterThanOrEqual(areas[0].span);
  });

  it('leaves out a resident part', () => {
    const { layer } = buildLayer(random, {
      hiddenSize: 64,
      numNeurons: 4,
      formats: ['f32', 'q8_0', 'q4_0'],
      residentPart: 'gate',
    });
    expect(slotLayout(layer).areas).toEqual([{ skip: 256, span: 68 + 36, offset: 0, shifts: false }]);
  });
});
