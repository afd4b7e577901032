import { Worker } from 'node:worker_threads';
import { lastLevelCacheBytes } from '../machine.js';

export interface MemoryProbe {
  bytes: number;
  seconds: number;
}

/**
 * Bytes/s at which `threads` threads together read memory that no cache holds. They call the C library's memchr,
 * through `Buffer.indexOf`, over buffers in which it finds nothing. No code of flashrow takes part.
 */
export async function memoryBandwidth(threads: number): Promise<number> {
  const state = new Int32Array(new SharedArrayBuffer(4));
  const bufferBytes = Math.max(64 << 20, 2 * lastLevelCacheBytes());
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./memory-worker.js', import.meta.url), { workerData: { state, threads, bufferBytes } }),
  );
  const probes = await Promise.all(
    workers.map(
      (worker) =>
        new Promise<MemoryProbe>((resolve, reject) => {
          worker.once('message', resolve).once('error', reject);
        }),
    ),
  );
  await Promise.all(workers.map((worker) => worker.terminate()));
  return probes.reduce((sum, { bytes, seconds }) => sum + bytes / seconds, 0);
}
