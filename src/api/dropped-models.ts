import type { ModelThreads } from './model-threads.js';

interface Held {
  threads: ModelThreads;
  path: string;
}

/**
 * A model that nobody can reach any longer and that was not disposed of: its threads and its memory would stay for as
 * long as the process. Calls under way keep their model within reach.
 */
const dropped = new FinalizationRegistry<Held>(({ threads, path }) => {
  process.emitWarning(
    `a model was dropped without \`dispose()\` and is freed now: ${path}. When a model is dropped is up to the garbage ` +
      'collector, which may never come: call `dispose()`, or declare the model with `await using`.',
    { type: 'FlashrowWarning', code: 'FLASHROW_MODEL_DROPPED' },
  );
  threads.dispose().catch(() => {});
});

/** From here on `model` is freed, with a warning, when it cannot be reached any longer. */
export function watchForDrop(model: object, threads: ModelThreads, path: string): void {
  dropped.register(model, { threads, path }, threads);
}

/** The model of `threads` is disposed of. */
export function forgetDrop(threads: ModelThreads): void {
  dropped.unregister(threads);
}
