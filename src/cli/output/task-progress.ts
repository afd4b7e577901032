import { existsSync } from 'node:fs';
import type { Progress } from '../../contract/progress.js';
import { FlashrowError } from '../../errors.js';
import { conversionNotice } from './conversion-notice.js';
import { formatBytes } from './format.js';
import { notice } from './output.js';
import { progressBar } from './progress.js';

/** What a bar says of a stage. */
export const LABELS: Readonly<Record<Progress['stage'], string>> = {
  compare: 'comparing',
  convert: 'converting',
  merge: 'adding',
  load: 'loading',
  prefill: 'reading the prompt',
  score: 'scoring',
  verify: 'verifying',
  check: 'comparing',
  headers: 'reading headers',
  fetch: 'fetching',
  draft: 'making what the draft self needs',
  collect: 'running the text',
  train: 'training',
};

/** Where the growing store of a conversion is kept, and whether the user has asked for it, so that no notice is due. */
export interface ConversionPlace {
  keptIn: string;
  asked: boolean;
}

export const IN_CACHE: ConversionPlace = { keptIn: 'the cache folder', asked: false };

/**
 * Runs a task of the library with a bar for its progress, and the notice of a conversion. A task that is interrupted
 * says what it leaves. `convertedMs`: how long a conversion took, null where there was none.
 */
export async function withProgress<T>(
  { keptIn, asked }: ConversionPlace,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
): Promise<{ result: T; convertedMs: number | null }> {
  const bar = progressBar();
  const last: { progress: Progress | null } = { progress: null };
  const converting = { since: null as number | null, until: 0 };
  const onProgress = (progress: Progress) => {
    const { stage, done, total, unit } = progress;
    if (stage === 'draft' && last.progress?.stage !== 'draft')
      notice(
        'making what the draft self needs, once: the networks in 2 bits, which are kept in the cache folder (self-draft.bin)',
      );
    last.progress = progress;
    if (stage === 'convert') {
      if (converting.since === null && !asked) notice(conversionNotice(progress));
      converting.since ??= performance.now();
      converting.until = performance.now();
    }
    bar.update(LABELS[stage], done, total, unit === 'layers' ? 'share' : unit, labelOf(progress));
  };
  try {
    const result = await work(onProgress);
    return { result, convertedMs: converting.since === null ? null : converting.until - converting.since };
  } catch (error) {
    throw withWhatIsKept(error, last.progress, { keptIn, asked });
  } finally {
    bar.stop();
  }
}

const labelOf = ({ stage, layer, rank }: Progress): string =>
  stage === 'train' && layer !== undefined && rank !== undefined
    ? `training layer ${layer}, rank ${rank}`
    : LABELS[stage];

function withWhatIsKept(error: unknown, last: Progress | null, { keptIn, asked }: ConversionPlace): unknown {
  if (!(error instanceof FlashrowError) || error.code !== 'ABORTED') return error;
  const parts = [last === null ? error.message : `${error.message} while ${LABELS[last.stage]}`];
  const what = whatIsKept(last, keptIn);
  if (what !== undefined) parts.push(`${what}, and the same command goes on from there`);
  // Before its first tick a conversion may have found one that was cut off earlier.
  else if (asked && existsSync(keptIn)) parts.push(`${keptIn} is kept, and the same command goes on from there`);
  return new FlashrowError('ABORTED', parts.join('; '), error.details, { cause: error });
}

function whatIsKept(last: Progress | null, keptIn: string): string | undefined {
  if (last?.stage === 'convert') return `${formatBytes(Math.round(last.done))} are kept in ${keptIn}`;
  return last?.stage === 'collect' || last?.stage === 'train' ? 'what was done is kept in the store' : undefined;
}
