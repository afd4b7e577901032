import { resolve } from 'node:path';
import type { RecordedTrace } from '../../trace/recorded.js';
import type { Replay } from '../../trace/replay.js';
import { expect, requireOptions } from '../checks/check-arguments.js';
import { inWorker } from '../in-worker.js';
import { isWholeFrom0, SIGNAL, YES_OR_NO } from '../option-tables.js';
import { pathOf } from '../source.js';

/** Options of `replayTrace`. */
export interface ReplayOptions {
  /** Memory of the cache alone, bytes: `cacheBytes` of a plan. */
  memoryBytes: number;
  /** Begins with empty caches at the first generated token. Else the prompt comes first, uncounted. Default false. */
  cold?: boolean | undefined;
  /** Gives up; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
}

/**
 * What each cache policy, and Belady's optimum, would have read for the generated tokens of a trace: a file of a
 * recorded run, a CSV of expert routes, or passes that `model.activity({ trace: true })` told. Nothing
 * is read but the trace, in a thread of its own. Throws NOT_FOUND, CORRUPT, UNSUPPORTED, IO, BAD_USAGE where it holds
 * no generated token, INSUFFICIENT_MEMORY below one unit a layer, or `signal.reason`.
 */
export async function replayTrace(trace: string | URL | RecordedTrace, options: ReplayOptions): Promise<Replay> {
  const given = isRecorded(trace) ? trace : resolve(pathOf('the trace', trace, 'trace'));
  requireOptions('replayTrace()', options, {
    memoryBytes: [isWholeFrom0, 'a whole number from 0'],
    cold: YES_OR_NO,
    signal: SIGNAL,
  });
  const { memoryBytes, cold = false, signal } = options;
  expect(isWholeFrom0(memoryBytes), 'memoryBytes', memoryBytes, 'a whole number from 0');
  return inWorker((channel) => channel.call('replay', { trace: given, memoryBytes, cold }, { signal }));
}

const isRecorded = (trace: string | URL | RecordedTrace): trace is RecordedTrace =>
  typeof trace === 'object' && trace !== null && 'passes' in trace;
