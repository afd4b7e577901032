import { describe, expect, it } from 'vitest';
import { defaultThreads } from '../../dist/src/plan/machine.js';
import type { PlanOptions } from '../../dist/src/plan/model-options.js';
import { policyName, settingsFor } from '../../dist/src/plan/settings.js';
import { modelSpec } from '../support/spec.js';

const settings = (options: PlanOptions, contextLength = 512) => settingsFor(modelSpec({ contextLength }), options);

describe('settings', () => {
  it('are exact, direct and left to the plan by default', () => {
    expect(settings({ memory: '1MB' })).toEqual({
      budgetBytes: 1e6,
      contextSize: 512,
      draft: 'lookup',
      contextIsOpen: true,
      sequences: 1,
      threads: defaultThreads(),
      selector: 'auto',
      cache: 'auto',
      stateFormat: 'f16',
      direct: true,
      lossy: false,
      trace: null,
    });
  });

  it('have a context of 4096 tokens where the model was trained on more, unless more are asked for', () => {
    expect(settings({}, 131072).contextSize).toBe(4096);
    expect(settings({ contextSize: 131072 }, 131072).contextSize).toBe(131072);
  });

  it('have the context of the work at hand where it needs less than that', () => {
    expect(settingsFor(modelSpec({ contextLength: 512 }), { usualContextSize: 320 }).contextSize).toBe(320);
    expect(settingsFor(modelSpec({ contextLength: 512 }), { usualContextSize: 640 }).contextSize).toBe(512);
    const given = settingsFor(modelSpec({ contextLength: 512 }), { usualContextSize: 64, contextSize: 100 });
    expect(given).toMatchObject({ contextSize: 100, contextIsOpen: false });
  });

  it('leave a budget that nobody names to the plan', () => {
    expect(settings({}).budgetBytes).toBeNull();
    expect(settings({ memory: 0 }).budgetBytes).toBe(0);
  });

  it.each([
    ['lru', { kind: 'lru', window: 0 }, 'lru'],
    ['lfu', { kind: 'lfu', window: 0 }, 'lfu'],
    ['pin', { kind: 'pin', window: 0 }, 'pin'],
    ['hot+lru', { kind: 'hot+lru', window: 0 }, 'hot+lru'],
    ['window', { kind: 'window', window: 4 }, 'window:4'],
    ['window:0', { kind: 'window', window: 0 }, 'window:0'],
    ['window:12', { kind: 'window', window: 12 }, 'window:12'],
  ] as const)('know the cache %s', (cache, policy, name) => {
    expect(settings({ tuning: { cache } }).cache).toEqual(policy);
    expect(policyName(policy)).toBe(name);
  });

  it('let a selector guess where that is permitted', () => {
    expect(settings({ exact: false, tuning: { selector: 'sign' } })).toMatchObject({ selector: 'sign', lossy: true });
    const trace = { exact: false, tuning: { selector: 'trace', trace: 'file' } } as const;
    expect(settings(trace)).toMatchObject({ selector: 'trace', trace: 'file', lossy: true });
  });

  it.each<[string, object]>([
    ['contextSize', { contextSize: 513 }],
    ['contextSize', { contextSize: 0 }],
    ['contextSize', { contextSize: 1.5 }],
    ['threads', { threads: 0 }],
    ['threads', { threads: 257 }],
    ['memory', { memory: -1 }],
    ['memory', { memory: 1.5 }],
    ['tuning.selector', { tuning: { selector: 'best' } }],
    ['tuning.state', { tuning: { state: 'q4' } }],
    ['tuning.cache', { tuning: { cache: 'fifo' } }],
    ['tuning.cache', { tuning: { cache: 'window:' } }],
    ['tuning.cache', { tuning: { cache: 'window:-1' } }],
    ['exact', { tuning: { selector: 'low-rank' } }],
    ['exact', { tuning: { selector: 'sign' } }],
    ['tuning.trace', { exact: false, tuning: { selector: 'trace' } }],
    ['tuning.trace', { exact: false, tuning: { trace: 'file' } }],
    ['tuning.trace', { tuning: { selector: 'trace', trace: 'file' } }],
  ])('are BAD_USAGE, by the option %s, with %j', (option, options) => {
    expect(() => settings(options)).toThrow(
      expect.objectContaining({ code: 'BAD_USAGE', details: expect.objectContaining({ option }) }),
    );
  });
});
