import { Bench } from 'tinybench';
import type { Row } from '../table.js';

/** The setting of a group of measurements. */
export interface Workshop {
  threads: number;
  /** A folder on the disk to measure. It is removed afterwards. */
  folder: string;
  /** Whether `--only` asks for this one, by its group and name. */
  wanted(name: string): boolean;
}

/** A table of figures of one kind. */
export interface Group {
  title: string;
  /** Says in a sentence how the figures were measured. */
  note: string;
  measure(workshop: Workshop): Promise<Row[]>;
}

const BENCH = { time: 200, iterations: 5, warmupTime: 0, warmupIterations: 2 };

/** Median ms of a call, by tinybench. */
export async function medianMs(work: () => unknown): Promise<number> {
  const bench = new Bench({ ...BENCH, throws: true });
  bench.add('work', work);
  const [{ result }] = await bench.run();
  if (!('latency' in result)) throw new Error(`the measurement was not finished: ${result.state}`);
  return result.latency.p50;
}
