import type { ModelSpec } from '../model/spec.js';

/** The engine's worker: its isolate and its code, with room for what its heap grows to at work. */
const WORKER_BYTES = 30e6;
/** Tokenizer tables, per vocabulary entry. */
const BYTES_PER_TOKEN = 300;
/** A read thread's stack and the buffer that it widens small reads in. */
const READ_THREAD_BYTES = 1.2e6;

export const READ_THREADS = 16;

/** Fixed cost beside the budget, bytes: measured on small models, where nothing else is left of the growth. `sessionBytes` is the dense half's own. */
export const overheadBytes = (spec: ModelSpec, sessionBytes: number): number =>
  Math.ceil(WORKER_BYTES + spec.vocabSize * BYTES_PER_TOKEN + READ_THREADS * READ_THREAD_BYTES + sessionBytes);
