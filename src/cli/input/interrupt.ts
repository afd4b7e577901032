import { FlashrowError } from '../../errors.js';

const controller = new AbortController();
let claimed = false;
let taker: (() => void) | null = null;

/** Aborts on the first SIGINT (Ctrl-C) with ABORTED as its reason. The second one finds nobody listening, and kills. */
export function interruptSignal(): AbortSignal {
  claimed = true;
  return controller.signal;
}

/** From here on every SIGINT calls `handler` and does nothing else. Returns what ends that. */
export function takeInterrupts(handler: () => void): () => void {
  taker = handler;
  return () => {
    taker = null;
  };
}

/** Listens for SIGINT; `onUnclaimed` is what the first one comes to while nobody has asked for it. */
export function listenForInterrupt(onUnclaimed: (reason: FlashrowError) => void): void {
  const listener = () => {
    if (taker) {
      taker();
      return;
    }
    process.off('SIGINT', listener);
    const reason = new FlashrowError('ABORTED', 'interrupted');
    if (claimed) controller.abort(reason);
    else onUnclaimed(reason);
  };
  process.on('SIGINT', listener);
}
