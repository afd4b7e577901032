import { workerData } from 'node:worker_threads';
import type { WorkerStart } from '../contract/protocol.js';

/*
 * Where a thread begins. An app's bundle has one file for every thread (examples/bundle.mjs), so the start says what
 * the thread is for. Each loads only what it needs: the text thread has no kernels.
 */
if ((workerData as WorkerStart).takes === 'text') void import('./text-thread.js');
else void import('./engine-thread.js');
