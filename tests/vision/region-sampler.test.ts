import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { openFolder } from '../../dist/src/import/hugging-face.js';
import { pixelsOf, type Region, writtenRegion } from '../../dist/src/vision/regions/region.js';
import { featuresAt, RegionSampler } from '../../dist/src/vision/regions/region-sampler.js';
import { Draws, POINTS, samplePoints } from '../../dist/src/vision/regions/sample-points.js';
import { TowerTensors } from '../../dist/src/vision/tower/tower-tensors.js';
import { GeneratedFolder } from './generated-folder.js';

/** By numpy, in double: tests/golden/ferret.py. */
const {
  regions: golden,
  seeded,
}: {
  seeded: {
    region: { box: number[] } | { point: number[] } | { mask: string };
    seed: number;
    pixels: number;
    box: number[];
    /** A mask, # where it is in. */
    rows: string[] | null;
    embedding: number[];
  }[];
  regions: {
    width: number;
    hidden: number;
    side: number;
    cases: { points: number[]; firsts: number[]; embedding: number[] }[];
  };
} = JSON.parse(readFileSync(new URL('../golden/ferret.json', import.meta.url), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'flashrow-regions-'));
const bridge = openBridge({ threads: 1 });
afterAll(() => {
  bridge.dispose();
  rmSync(folder, { recursive: true });
});

describe('the sampler of regions', () => {
  const { width, hidden, side, cases } = golden;
  const files = new GeneratedFolder();
  for (const stage of [0, 1]) {
    files.addLinear(`sampler.diff_projector_list.${stage}`, width + 2, width + 2);
    files.addLinear(`sampler.agg_projector_list.${stage}.net.0`, width, 2 * (width + 2));
    files.addNorm(`sampler.agg_projector_list.${stage}.norm`, width);
  }
  files.addLinear('sampler.flatten_projector', width, 32 * width);
  files.addLinear('sampler.dim_projector', hidden, width);
  const grid = files.add('grid', [side * side, width]);
  files.reshape(/net\.0\.weight$/, (shape) => [...shape, 1]);
  writeFileSync(join(folder, 'model.safetensors'), files.safetensors());
  writeFileSync(join(folder, 'config.json'), '{}');
  const sampler = new RegionSampler(new TowerTensors(folder, openFolder(folder).tensors), 'sampler.', width, hidden);

  it.each(cases)('makes of points what numpy makes', ({ points, firsts, embedding }) => {
    const at = Float32Array.from(points);
    const begin = firsts.values();
    const found = sampler.run(bridge, at, featuresAt(grid, side, at), () => begin.next().value!);
    for (const [i, value] of embedding.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-4);
  });

  it.each(seeded)(
    'finds in $region with seed $seed what numpy finds',
    ({ region, seed, pixels, box, rows, embedding }) => {
      const size = { width: 60, height: 40 };
      const data = Uint8Array.from([...(rows ?? []).join('')], (sign) => (sign === '#' ? 7 : 0));
      const asked: Region = 'mask' in region ? { mask: { ...size, data } } : region;
      const found = pixelsOf(asked, size);
      expect(found.count).toBe(pixels);
      if (rows !== null)
        expect(writtenRegion(asked, size)).toBe(
          `[${box.map((at, i) => Math.floor((1000 * at) / (i % 2 === 0 ? 60 : 40))).join(', ')}]`,
        );
      const draws = new Draws(seed);
      const points = samplePoints(found, size, draws);
      const made = sampler.run(bridge, points, featuresAt(grid, side, points), (count) => draws.below(count));
      for (const [i, value] of embedding.entries()) expect(Math.abs(made[i] - value)).toBeLessThan(1e-4);
    },
  );
});

describe('points of a region', () => {
  const size = { width: 100, height: 50 };

  it('are pixels of it, different ones where it has enough', () => {
    const pixels = pixelsOf({ box: [10, 20, 69, 39] }, size);
    const points = samplePoints(pixels, size, new Draws(1));
    const seen = new Set<string>();
    for (let i = 0; i < POINTS; i++) {
      const [x, y] = [points[2 * i] * 100, points[2 * i + 1] * 50].map(Math.round);
      expect(x >= 10 && x <= 69 && y >= 20 && y <= 39).toBe(true);
      seen.add(`${x} ${y}`);
    }
    expect(seen.size).toBe(POINTS);
    expect(samplePoints(pixels, size, new Draws(1))).toEqual(points);
    expect(samplePoints(pixels, size, new Draws(2))).not.toEqual(points);
  });

  it('are all of them, and some again, where it has few', () => {
    const points = samplePoints(pixelsOf({ point: [0, 0] }, size), size, new Draws(1));
    const seen = new Set(Array.from({ length: POINTS }, (_, i) => `${points[2 * i]} ${points[2 * i + 1]}`));
    expect(seen.size).toBe(36);
  });

  it('have to be there', () => {
    expect(() => pixelsOf({ box: [200, 0, 300, 10] }, size)).toThrow(/no pixel of its picture, which has 100 x 50/);
    expect(() => pixelsOf({ box: [100, 0, 100, 10] }, size)).toThrow(/no pixel of its picture/);
    expect(() => pixelsOf({ point: [105, 10] }, size)).toThrow(/no pixel of its picture/);
    expect(() => pixelsOf({ box: [20, 0, 10, 10] }, size)).toThrow(/ends before it begins, from left to right/);
    expect(() => pixelsOf({ box: [2, 20, 10, 10] }, size)).toThrow(/ends before it begins, from top to bottom/);
  });

  it('are those of both corners of a box, and of what lies between', () => {
    const count = (...box: number[]) => pixelsOf({ box }, size).count;
    expect([count(5, 5, 5, 5), count(5.2, 5.2, 5.4, 5.4), count(5, 5, 5, 14)]).toEqual([1, 1, 10]);
    expect(writtenRegion({ box: [5.2, 5.2, 5.4, 5.4] }, size)).toBe('[52, 104, 54, 108]');
  });

  it('end where the picture does, also in thousandths', () => {
    const picture = { width: 200, height: 150 };
    const data = new Uint8Array(200 * 150).fill(1);
    const toTheLast = '[0, 0, 995, 993]';
    const toTheEdge = '[0, 0, 1000, 1000]';
    for (const [region, told] of [
      [{ box: [0, 0, 199, 149] }, toTheLast],
      [{ mask: { ...picture, data } }, toTheLast],
      [{ box: [0, 0, 200, 150] }, toTheEdge],
      [{ box: [0, 0, 201, 151] }, toTheEdge],
      [{ box: [0, 0, 1e308, 1e308] }, toTheEdge],
    ] as const) {
      expect(writtenRegion(region, picture)).toBe(told);
      expect(pixelsOf(region, picture).count).toBe(200 * 150);
    }
    expect(writtenRegion({ box: [150, 100, 400, 400] }, picture)).toBe('[750, 666, 1000, 1000]');
    expect(writtenRegion({ point: [200, 150] }, picture)).toBe('[1000, 1000]');
    expect(writtenRegion({ point: [199, 149] }, picture)).toBe('[995, 993]');
    expect(pixelsOf({ point: [200, 150] }, picture).count).toBe(25);
  });

  it('are written in thousandths', () => {
    expect(writtenRegion({ box: [10, 20, 69, 39] }, size)).toBe('[100, 400, 690, 780]');
    expect(writtenRegion({ point: [99, 49] }, size)).toBe('[990, 980]');
  });
});
