import { FlashrowError } from '../errors.js';

const controller = new AbortController();
let claimed = false;

/** Aborts on the first SIGINT (Ctrl-C) with ABORTED as its reason. The second one finds nobody listening, and kills. */
export function interruptSignal(): AbortSignal {
  claimed = true;
  return controller.signal;
}

/** Listens for the first SIGINT; `onUnclaimed` is what it comes to while nobody has asked for the signal. */
export function listenForInterrupt(onUnclaimed: (reason: FlashrowError) => void): void {
  process.once('SIGINT', () => {
    const reason = new FlashrowError('ABORTED', 'interrupted');
    if (claimed) controller.abort(reason);
    else onUnclaimed(reason);
  });
}
