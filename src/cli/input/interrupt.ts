import { FlashrowError } from '../../errors.js';

/** A signal that asks the program to end, and the exit code that shells expect: 128 and the signal's number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
export type EndingSignal = keyof typeof EXIT_CODES;
const SIGNALS = Object.keys(EXIT_CODES) as EndingSignal[];

const controller = new AbortController();
let claimed = false;
let taker: ((signal: EndingSignal) => void) | null = null;
let received: EndingSignal = 'SIGINT';

/**
 * Aborts on the first SIGINT (Ctrl-C), SIGTERM or SIGHUP with ABORTED as its reason. The second one finds nobody
 * listening, and kills.
 */
export function interruptSignal(): AbortSignal {
  claimed = true;
  return controller.signal;
}

/** The exit code of a program that was interrupted. */
export const interruptExitCode = (): number => EXIT_CODES[received];

/** From here on every such signal calls `handler` and does nothing else. Returns what ends that. */
export function takeInterrupts(handler: (signal: EndingSignal) => void): () => void {
  taker = handler;
  return () => {
    taker = null;
  };
}

/** Listens for the signals; `onUnclaimed` is what the first one comes to while nobody has asked for it. */
export function listenForInterrupt(onUnclaimed: (reason: FlashrowError) => void): void {
  const listener = (signal: EndingSignal) => {
    received = signal;
    if (taker) {
      taker(signal);
      return;
    }
    for (const each of SIGNALS) process.off(each, listener);
    const reason = new FlashrowError('ABORTED', signal === 'SIGINT' ? 'interrupted' : `ended by ${signal}`);
    if (claimed) controller.abort(reason);
    else onUnclaimed(reason);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
}
