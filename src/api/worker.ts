/*
 * The entry of the worker thread. It lies beside worker-channel.ts, which starts it by its place. A bundle of an app
 * has both in one folder, too (examples/bundle.mjs).
 */
import '../worker/worker.js';
