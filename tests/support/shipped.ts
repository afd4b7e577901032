import { fileURLToPath } from 'node:url';
import { type LoadOptions, loadModel, type Model } from '../../dist/src/index.js';

/** The model that comes with the repository. */
export const TALES = fileURLToPath(new URL('../../weights/tales', import.meta.url));
export const PROMPT = 'Once upon a time';

/** Keeps the engine of a model at work, without end, until `free` is called. */
export function keepBusy(model: Model): { free: () => Promise<void> } {
  const controller = new AbortController();
  const sequences = new Array(1_000_000).fill([1, 2, 3]);
  const work = model.evaluate(sequences, { signal: controller.signal }).catch(() => {});
  return {
    free: async () => {
      controller.abort();
      await work;
    },
  };
}

/** Lends the shipped model to `work` and disposes of it whatever happens. */
export async function withTales<T>(options: LoadOptions, work: (model: Model) => Promise<T>): Promise<T> {
  const model = await loadModel(TALES, options);
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}
