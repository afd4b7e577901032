import { fileURLToPath } from 'node:url';
import type { Bridge } from '../../native-bridge/bridge.js';
import { READ_THREADS } from '../../src/disk/read-threads.js';
import type { Plan } from '../../src/index.js';
import { openStore } from '../../src/store/reader.js';
import { dropFromPageCache, filesOf } from '../page-cache.js';
import { diskBandwidth } from '../probes/disk.js';
import { memoryBandwidth } from '../probes/memory.js';
import { median } from '../statistics.js';
import { nodeInCgroup } from './cgroup.js';
import type { Answer, Task } from './contender.js';
import { type Roofline, roofline } from './roofline.js';

const SCRIPTS = { flashrow: './run-flashrow.js', 'llama.cpp': './run-llama-cpp.js' };
export type Contender = keyof typeof SCRIPTS;

const PROBES = 7;

/** One process of one contender. */
export interface Run {
  /** Null where it did not finish. */
  answer: Answer | null;
  /** Why it did not finish; null where it did. */
  failure: string | null;
  /** Processes that the kernel killed for lack of memory. */
  killed: number;
  /** The most anonymous and shared memory seen. */
  anonymousBytes: number;
  /** The peak of the cgroup. It includes the page cache, so that it does not say what the process needs. */
  cgroupPeakBytes: number | null;
}

/**
 * Runs a contender on a model that the page cache does not hold; `besides` are files that it reads outside the model's
 * folder.
 */
export async function runContender(
  contender: Contender,
  task: Task,
  capBytes: number | null,
  besides: readonly string[],
): Promise<Run> {
  dropFromPageCache([...filesOf(task.model), ...besides]);
  const script = fileURLToPath(new URL(SCRIPTS[contender], import.meta.url));
  const outcome = await nodeInCgroup(capBytes, [script, JSON.stringify(task)]);
  const finished = outcome.exitCode === 0;
  return {
    answer: finished ? JSON.parse(outcome.stdout) : null,
    failure: finished ? null : whyFailed(outcome.killed, outcome.exitCode, outcome.stderr),
    killed: outcome.killed,
    anonymousBytes: outcome.anonymousBytes,
    cgroupPeakBytes: outcome.peakBytes,
  };
}

function whyFailed(killed: number, exitCode: number | null, stderr: string): string {
  if (killed > 0) return 'killed for want of memory';
  const told = /^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr.trim().split('\n').at(-1);
  return `exit code ${exitCode}: ${told}`;
}

/** flashrow's timed tokens, and the speeds of disk and memory, measured right after them. */
export interface Reading {
  /** Bytes/s of memory, read by as many threads. */
  memorySpeed: number;
  /** Per timed token, by flashrow's own count. */
  payloadBytes: number;
  deviceBytes: number;
  records: number;
  recordBytes: number | null;
  /**
   * Bytes/s over the timed tokens, and of raw reads of such records by as many threads. Null where nothing was read.
   */
  readSpeed: number | null;
  rawReadSpeed: number | null;
  roofline: Roofline;
  /** The share of the roofline that flashrow reached. */
  rooflineShare: number;
}

export async function readingOf(
  bridge: Bridge,
  storePath: string,
  plan: Plan,
  answer: Answer,
  newTokens: number,
  touchedShare: number,
): Promise<Reading> {
  const receipt = answer.receipt!;
  const { files, layers } = openStore(storePath);
  const perToken = (bytes: number) => bytes / newTokens;
  const deviceBytes = perToken(receipt.deviceBytesRead.decode);
  const records = perToken(receipt.recordsRead.decode);
  const recordBytes = records > 0 ? deviceBytes / records : null;
  const rawReadSpeed = recordBytes && probe(bridge, files[layers[0].extents[0].file], recordBytes);
  const memorySpeed = await memoryBandwidth(bridge.threads);
  const limit = roofline({
    deviceBytes,
    touchedBytes: touchedShare * plan.ffnBytes,
    denseBytes: plan.residentBytes,
    diskSpeed: rawReadSpeed ?? Number.POSITIVE_INFINITY,
    memorySpeed,
  });
  return {
    memorySpeed,
    payloadBytes: perToken(receipt.payloadBytesRead.decode),
    deviceBytes,
    records,
    recordBytes,
    readSpeed: recordBytes && deviceBytes * answer.tokensPerSecond,
    rawReadSpeed,
    roofline: limit,
    rooflineShare: (limit.tokenMs / 1e3) * answer.tokensPerSecond,
  };
}

function probe(bridge: Bridge, file: string, recordBytes: number): number {
  const record = Math.max(4096, Math.ceil(recordBytes / 4096) * 4096);
  return median(Array.from({ length: PROBES }, (_, turn) => diskBandwidth(bridge, file, record, READ_THREADS, turn)));
}
