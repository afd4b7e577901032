import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replay } from '../../dist/src/trace/replay.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

const COMMENTS =
  '# route_trace v1\n# model=m arch=a n_layer=2 n_expert=8\n# layer=0 expert_bytes=10\n# layer=1 expert_bytes=20\n';
const COLUMNS = 'turn,phase,step,layer,slot,expert,weight,residency,expert_bytes\n';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-routes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string) {
  const path = join(folder, 'routes.csv');
  writeFileSync(path, text);
  return readTrace(path);
}

describe('a CSV of expert routes', () => {
  it('becomes a prompt of all its tokens, layer by layer, and a pass per generated token', () => {
    const rows = [
      '0,0,0,0,0,3,1,0,10',
      '0,0,1,0,0,4,1,0,10',
      '0,0,2,0,0,3,1,0,10',
      '0,0,2,1,0,7,1,0,20',
      '0,1,3,0,0,5,.6,0,10',
      '0,1,3,0,1,2,.4,0,10',
      '0,1,3,1,0,0,1,0,20',
    ];
    const trace = read(`${COMMENTS}${COLUMNS}${rows.join('\n')}\n`);
    expect(trace).toMatchObject({ model: 'm', selector: 'router', tornBytes: 0 });
    expect(trace.layers.map(({ units, unitBytes }) => [units, unitBytes])).toEqual([
      [8, 10],
      [8, 20],
    ]);
    expect(
      trace.passes.map(({ phase, tokens, units }) => [phase, tokens, ...units.map((asked) => [...asked])]),
    ).toEqual([
      [0, 3, [3, 4, 3], [7]],
      [1, 1, [5, 2], [0]],
    ]);
  });

  it.for<[string, string]>([
    ['without its comments', `${COLUMNS}0,1,0,0,0,3,1,0,10\n`],
    ['without the bytes of a layer', `${COMMENTS.replace(/# layer=1.*\n/, '')}${COLUMNS}`],
    ['without a column', `${COMMENTS}turn,phase,step,layer\n0,1,0,0\n`],
    ['with a row cut short', `${COMMENTS}${COLUMNS}0,1,0,0\n`],
    ['with a word for a number', `${COMMENTS}${COLUMNS}0,1,zero,0,0,3,1,0,10\n`],
    ['with an unknown phase', `${COMMENTS}${COLUMNS}0,2,0,0,0,3,1,0,10\n`],
    ['with an expert that is not there', `${COMMENTS}${COLUMNS}0,1,0,0,0,8,1,0,10\n`],
    ['with a layer that is not there', `${COMMENTS}${COLUMNS}0,1,0,2,0,3,1,0,10\n`],
    ['with the same expert twice', `${COMMENTS}${COLUMNS}0,1,0,0,0,3,1,0,10\n0,1,0,0,1,3,1,0,10\n`],
    ['of something else', 'Once upon a time\n'],
  ])('%s is CORRUPT and names the line', ([, text]) => {
    expect(() => read(text)).toThrowError(
      expect.objectContaining({ code: 'CORRUPT', details: expect.objectContaining({ line: expect.any(Number) }) }),
    );
  });
});

/**
 * Hit rates in percent that an independent simulator found for these recordings: one expert after the other, the prompt
 * before it uncounted, slots as large as the largest expert.
 */
const PUBLISHED = {
  'qwen3-30b-a3b': {
    reuse: 38,
    lru: [44, 67, 87],
    'layer-lru': [44, 66, 85],
    'layer-lfu': [43, 64, 84],
    belady: [70, 86, 95],
  },
  'gpt-oss-120b': {
    reuse: 18,
    lru: [18, 43, 56],
    'layer-lru': [22, 44, 58],
    'layer-lfu': [18, 31, 46],
    belady: [53, 68, 78],
  },
};

describe.skipIf(!haveSharedData)(`recorded expert routes${withoutSharedData}`, () => {
  for (const [name, { reuse, ...published }] of Object.entries(PUBLISHED)) {
    it(`of ${name} hit as often as published, under each policy and at each size`, () => {
      const trace = readTrace(sharedPath(`traces/${name}.route.csv`));
      for (const [index, memoryBytes] of [1.5e9, 3e9, 5.3e9].entries()) {
        const result = replay(trace, { memoryBytes, oneByOne: true });
        for (const [policy, percent] of Object.entries(published)) {
          const found = result.policies.find((candidate) => candidate.policy === policy);
          expect(Math.abs(100 * found!.hitRate - percent[index]), `${policy} in ${memoryBytes}`).toBeLessThan(0.75);
        }
        expect(100 * result.reuse!).toBeCloseTo(reuse, 0);
        expect(result.independent).toBe(false);
      }
    });
  }
});
