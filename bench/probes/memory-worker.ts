import { parentPort, workerData } from 'node:worker_threads';
import type { MemoryProbe } from './memory.js';

const PROBE_MS = 250;

const { state, threads, bufferBytes } = workerData as { state: Int32Array; threads: number; bufferBytes: number };
const buffer = Buffer.alloc(bufferBytes, 1);

// All workers begin at once. Else the first would have the memory to itself.
Atomics.add(state, 0, 1);
Atomics.notify(state, 0);
for (let ready = Atomics.load(state, 0); ready < threads; ready = Atomics.load(state, 0)) Atomics.wait(state, 0, ready);

const start = performance.now();
let bytes = 0;
let elapsed = 0;
while (elapsed < PROBE_MS) {
  buffer.indexOf(2);
  bytes += bufferBytes;
  elapsed = performance.now() - start;
}
const probe: MemoryProbe = { bytes, seconds: elapsed / 1e3 };
parentPort!.postMessage(probe);
