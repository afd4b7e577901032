import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../src/engine/sampler.js';
import { FlashrowError } from '../../src/errors.js';
import { unitsWhole } from '../../src/plan/units.js';
import { openStore } from '../../src/store/reader.js';
import { reuseOf } from '../../src/trace/reuse.js';
import type { Trace } from '../../src/trace/trace.js';
import { readTrace } from '../../src/trace/trace-reader.js';
import { TraceWriter } from '../../src/trace/trace-writer.js';
import { type ActivityStatistics, generateActivity, OPT_6_7B } from '../model/activity.js';

/** The names that `--activity` takes, and their fields. */
const KEYS: Readonly<Record<string, keyof ActivityStatistics>> = {
  share: 'activeShare',
  hot: 'hotShare',
  window: 'window',
  union: 'windowUnion',
  new: 'newPerToken',
};
export const ACTIVITY_HELP = Object.entries(KEYS)
  .map(([key, field]) => `${key}=${OPT_6_7B[field]}`)
  .join(',');

/** The trace that `--select trace` replays, and the share of a layer that one of its tokens asks for. */
export interface ReplayedUnits {
  path: string;
  activeShare: number;
}

/** Statistics like `share=0.1,union=0.24`. The others are those of OPT-6.7B. Throws BAD_USAGE. */
export function parseActivity(text: string): ActivityStatistics {
  const statistics = { ...OPT_6_7B };
  for (const pair of text.split(',')) {
    const [key, value, ...rest] = pair.split('=');
    if (!Object.hasOwn(KEYS, key) || rest.length > 0 || !/^\d+(\.\d+)?$/.test(value ?? ''))
      throw new FlashrowError('BAD_USAGE', `--activity takes numbers like ${ACTIVITY_HELP}, not "${pair}"`, {
        value: text,
      });
    statistics[KEYS[key]] = Number(value);
  }
  return statistics;
}

/**
 * Writes a trace of as many tokens as a run has, for a store of single neurons. Throws BAD_USAGE where the store has
 * other bundles, or where no activity has these statistics.
 */
export function writeActivity(
  storePath: string,
  folder: string,
  statistics: ActivityStatistics,
  tokens: number,
): ReplayedUnits {
  const { layers, spec } = openStore(storePath);
  if (spec.experts || layers.some(({ neuronsPerBundle }) => neuronsPerBundle !== 1))
    throw new FlashrowError(
      'BAD_USAGE',
      '--activity is of single neurons: use a shape with ReLU, or --trace for experts',
      { option: 'activity' },
    );
  const shapes = layers.map(unitsWhole).map(({ units, bundleBytes, slotBytes }) => {
    return { units, unitBytes: bundleBytes, slotBytes };
  });
  const trace = generateActivity({ statistics, layers: shapes, tokens, random: seededRandom(1) });
  const path = join(folder, 'activity.trace');
  write(path, trace);
  return { path, activeShare: reuseOf(trace).activeShare };
}

export const recordedUnits = (path: string): ReplayedUnits => ({
  path,
  activeShare: reuseOf(readTrace(path)).activeShare,
});

function write(path: string, { passes, ...header }: Trace): void {
  rmSync(path, { force: true });
  const writer = new TraceWriter(path, header);
  try {
    writer.endPrompt();
    for (const { units } of passes) {
      for (const [layer, asked] of units.entries()) writer.ask(layer, asked, asked.length, 1);
      writer.endPass();
    }
  } finally {
    writer.close();
  }
}
