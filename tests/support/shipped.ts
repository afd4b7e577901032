import { fileURLToPath } from 'node:url';
import { type LoadOptions, loadModel, type Model } from '../../dist/src/index.js';

/** The model that ships with the package. */
export const TALES = fileURLToPath(new URL('../../weights/tales', import.meta.url));
export const PROMPT = 'Once upon a time';

/** Lends the shipped model to `work` and disposes of it whatever happens. */
export async function withTales<T>(options: LoadOptions, work: (model: Model) => Promise<T>): Promise<T> {
  const model = await loadModel(TALES, options);
  try {
    return await work(model);
  } finally {
    await model.dispose();
  }
}
