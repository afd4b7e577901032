import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import {
  type ActivitySample,
  type GenerateOptions,
  type RecordedTrace,
  replayTrace,
  type TracedPass,
} from '../../dist/src/index.js';
import { PROMPT, withTales } from '../support/shipped.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = { memory: '8MB', contextSize: 256 } as const;
const bitmap = (...units: number[]): Uint8Array => Uint8Array.of(units.reduce((bits, unit) => bits | (1 << unit), 0));
const recorded = (passes: Uint8Array[], tokens = 1): RecordedTrace => ({
  selector: 'gate',
  layers: [{ units: 4, unitBytes: 100, slotBytes: 128 }],
  passes: passes.map((asked) => ({ tokens, asked })),
});

it('says of samples what it says of the file that the same generation recorded', () =>
  withTales(OPTIONS, async (model) => {
    const trace = join(folder, 'a.trace');
    const samples: ActivitySample[] = [];
    const looking = model.activity({ trace: true });
    const loop = (async () => {
      for await (const sample of looking) samples.push(sample);
    })();
    // Recording into a file is an option of the command line alone.
    const options: GenerateOptions & { trace: string } = { maxTokens: 40, temperature: 0, trace, draft: 'off' };
    await model.generate(PROMPT, options).result;
    await looking.return!();
    await loop;
    const passes = samples.flatMap((sample): TracedPass[] => sample.trace);
    expect(passes).toHaveLength(samples.reduce((sum, sample) => sum + sample.passes, 0));
    const { selector } = model.info;
    const given = { selector, layers: samples[0].layers, passes };
    for (const memoryBytes of [200_000, 1_000_000]) {
      const ofSamples = await replayTrace(given, { memoryBytes });
      expect(ofSamples).toEqual(await replayTrace(trace, { memoryBytes }));
      expect(ofSamples.tokens).toBe(39);
    }
  }));

it('counts what a cache of a size would have read', async () => {
  // LRU with two slots: 0 1 | 1 | 2 | 0 reads 0, 1, 2 and, as 0 was used longest ago, 0 again: of 5 asked for 4.
  const trace = recorded([bitmap(0, 1), bitmap(1), bitmap(2), bitmap(0)]);
  const { policies, tokens, slots } = await replayTrace(trace, { memoryBytes: 256 });
  expect([tokens, slots]).toEqual([4, 2]);
  expect(policies.find(({ policy }) => policy === 'lru')).toMatchObject({ hitRate: 1 / 5, bytesPerToken: 100 });
});

it('refuses what is no trace', async () => {
  await expect(replayTrace(recorded([]), { memoryBytes: 256 })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  await expect(replayTrace(recorded([bitmap(1)], 3), { memoryBytes: 256 })).rejects.toMatchObject({
    code: 'BAD_USAGE',
  });
  const uneven = { ...recorded([bitmap(1)]), passes: [{ tokens: 1, asked: new Uint8Array(7) }] };
  await expect(replayTrace(uneven, { memoryBytes: 256 })).rejects.toThrow('7 bytes of bitmaps');
  await expect(replayTrace(recorded([bitmap(1)]), { memoryBytes: 10 })).rejects.toMatchObject({
    code: 'INSUFFICIENT_MEMORY',
  });
  await expect(replayTrace(join(folder, 'none'), { memoryBytes: 256 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(replayTrace(recorded([bitmap(1)]), { memoryBytes: -1 })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  const signal = AbortSignal.abort(new Error('left'));
  await expect(replayTrace(recorded([bitmap(1)]), { memoryBytes: 256, signal })).rejects.toThrow('left');
});
