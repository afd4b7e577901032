/*
 * The entry of the worker thread. It lies beside worker-channel.ts, which starts it by its place: a bundle, too, has the
 * two in one folder (examples/bundle.mjs).
 */
import '../worker/worker.js';
