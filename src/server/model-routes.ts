import { type ExaminedModel, examineModel } from '../index.js';
import type { ModelPool, PooledModel } from './model-pool.js';

const examined = new WeakMap<PooledModel, Promise<ExaminedModel>>();

/** What the model's file says, read once. */
function examine(pooled: PooledModel): Promise<ExaminedModel> {
  const known = examined.get(pooled);
  if (known) return known;
  const { cacheDir } = pooled.options;
  const reading = examineModel(pooled.source, cacheDir === undefined ? {} : { cacheDir });
  reading.catch(() => examined.delete(pooled));
  examined.set(pooled, reading);
  return reading;
}

/** A model as `/v1/models` lists it, with what llama.cpp adds. */
export async function modelEntry(pooled: PooledModel, created: number): Promise<object> {
  const { contextLength, parameters, vocabSize, bytes } = await examine(pooled);
  return {
    id: pooled.name,
    object: 'model',
    created,
    owned_by: 'flashrow',
    meta: {
      n_ctx: contextSizeOf(pooled, contextLength),
      n_ctx_train: contextLength,
      n_params: parameters,
      n_vocab: vocabSize,
      size: bytes,
    },
    status: { value: pooled.model ? 'loaded' : 'unloaded' },
  };
}

/** Of a model that is not loaded it is what a load would ask for. */
const contextSizeOf = ({ model, options }: PooledModel, trained: number): number =>
  model?.info.contextSize ?? options.contextSize ?? Math.min(trained, 4096);

/** `/props`: clients look for the size of the context here. */
export async function props(pool: ModelPool, pooled: PooledModel): Promise<object> {
  const { contextLength, chatTemplate, path } = await examine(pooled);
  return {
    default_generation_settings: { n_ctx: contextSizeOf(pooled, contextLength) },
    total_slots: pooled.options.sequences ?? 1,
    model_alias: pooled.name,
    model_path: path,
    chat_template: pooled.template ?? chatTemplate ?? '',
    models: pool.models.map(({ name }) => name),
    build_info: 'flashrow',
  };
}
