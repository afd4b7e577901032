import { FlashrowError } from '../../errors.js';
import type { Examination } from '../../plan/examination.js';
import { interruptSignal } from '../input/interrupt.js';
import { progressBar } from '../output/progress.js';

/** The option that says how large the file is that is written to be read. */
export const SIZE = '--size';

/**
 * Measures the machine with a bar. `path`: a folder or a large file; default the cache folder. Throws what `examine`
 * does.
 */
export async function examineDisk(path: string | undefined, scratchBytes: number): Promise<Examination> {
  const { examine } = await import('../../plan/examine.js');
  const bar = progressBar();
  try {
    return await examine({
      path,
      scratchBytes,
      signal: interruptSignal(),
      onProgress: (stage, done, total) =>
        bar.update(stage === 'write' ? 'writing a file' : 'reading it', done, total, 'share'),
    });
  } catch (error) {
    throw withSmallerFile(error);
  } finally {
    bar.stop();
  }
}

/** Where there is no room for the file, a smaller one may do. */
function withSmallerFile(error: unknown): unknown {
  if (!(error instanceof FlashrowError) || error.code !== 'DISK_FULL') return error;
  const advice = `${error.message}; or have a smaller file written with ${SIZE}`;
  return new FlashrowError('DISK_FULL', advice, error.details, { cause: error });
}
