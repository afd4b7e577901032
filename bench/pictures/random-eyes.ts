import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { RandomWeights } from '../model/random-weights.js';

/*
 * What Ferret 7B sees with, of random weights: CLIP ViT-L/14 at 336 pixels, the projector, and the sampler of regions,
 * as a Hugging Face folder in f16. The text half is a GGUF file of its own.
 */

const [WIDTH, INNER, LAYERS, PATCH, POSITIONS] = [1024, 4096, 24, 14, 577];
/** Bytes that are written at once. */
const PIECE_BYTES = 32 << 20;

type Named = readonly [name: string, shape: readonly number[]];

function* linear(name: string, rows: number, columns: number, kernel: readonly number[] = []): Generator<Named> {
  yield [`${name}.weight`, [rows, columns, ...kernel]];
  yield [`${name}.bias`, [rows]];
}

function* norm(name: string): Generator<Named> {
  yield [`${name}.weight`, [WIDTH]];
  yield [`${name}.bias`, [WIDTH]];
}

function* tensorsOf(hiddenSize: number): Generator<Named> {
  const tower = 'model.vision_tower.vision_tower.vision_model.';
  yield [`${tower}embeddings.class_embedding`, [WIDTH]];
  yield [`${tower}embeddings.patch_embedding.weight`, [WIDTH, 3, PATCH, PATCH]];
  yield [`${tower}embeddings.position_embedding.weight`, [POSITIONS, WIDTH]];
  yield* norm(`${tower}pre_layrnorm`);
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = `${tower}encoder.layers.${layer}.`;
    yield* norm(`${name}layer_norm1`);
    yield* norm(`${name}layer_norm2`);
    for (const part of ['q', 'k', 'v', 'out']) yield* linear(`${name}self_attn.${part}_proj`, WIDTH, WIDTH);
    yield* linear(`${name}mlp.fc1`, INNER, WIDTH);
    yield* linear(`${name}mlp.fc2`, WIDTH, INNER);
  }
  yield* linear('model.mm_projector', hiddenSize, WIDTH);
  const sampler = 'model.region_geo_sampler.';
  for (const stage of [0, 1]) {
    yield* linear(`${sampler}diff_projector_list.${stage}`, WIDTH + 2, WIDTH + 2);
    yield* linear(`${sampler}agg_projector_list.${stage}.net.0`, WIDTH, 2 * (WIDTH + 2), [1]);
    yield* norm(`${sampler}agg_projector_list.${stage}.norm`);
  }
  yield* linear(`${sampler}flatten_projector`, WIDTH, 32 * WIDTH);
  yield* linear(`${sampler}dim_projector`, hiddenSize, WIDTH);
}

/** Makes the folder, once. `regionId` is the token that a region's embedding takes the place of. */
export function prepareEyes(folder: string, hiddenSize: number, regionId: number, log: (line: string) => void): void {
  if (existsSync(folder)) return;
  log(`writing random weights to ${folder}`);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const config = {
    architectures: ['FERRETLlamaForCausalLM'],
    ...{ model_type: 'ferret', hidden_size: hiddenSize, im_region_fea_token: regionId, mm_vision_select_layer: -2 },
  };
  writeFileSync(join(partial, 'config.json'), JSON.stringify(config));
  const tensors = [...tensorsOf(hiddenSize)];
  let end = 0;
  const header = tensors.map(([name, shape]) => {
    const start = end;
    end += 2 * shape.reduce((product, size) => product * size);
    return [name, { dtype: 'F16', shape, data_offsets: [start, end] }] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const weights = new RandomWeights(1);
  const file = openSync(join(partial, 'model.safetensors'), 'wx');
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  };
  try {
    write(length);
    write(json);
    for (const [, shape] of tensors) {
      const columns = shape.slice(1).reduce((product, size) => product * size, 1);
      for (let left = 2 * shape[0] * columns; left > 0; left -= PIECE_BYTES)
        write(weights.next('f16', columns, Math.min(left, PIECE_BYTES)));
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, folder);
}
