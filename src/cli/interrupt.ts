import { FlashrowError } from '../errors.js';

/** Aborts on the first SIGINT (Ctrl-C) with ABORTED as its reason. The second one finds nobody listening, and kills. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new FlashrowError('ABORTED', 'interrupted')));
  return controller.signal;
}
