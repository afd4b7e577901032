import { readFileSync } from 'node:fs';
import { entriesOf, ggufOf, type Values, type Weights } from '../support/gguf-of-tensors.js';
import { type Entry, TYPES } from '../support/tiny-gguf.js';

/** Names of tensors in a Hugging Face folder, and those that llama.cpp has for them: tests/golden/mmproj_names.py. */
export const names: Record<
  'llava' | 'smolvlm' | 'gemma3' | 'qwen3vl',
  Record<'mmproj' | 'text', Record<string, string>>
> = JSON.parse(readFileSync(new URL('../golden/mmproj-names.json', import.meta.url), 'utf8'));

/** The tensors of `given` that `table` names, under their names there, each as `change` makes it. */
export function renamed(
  given: ReadonlyMap<string, Values>,
  table: Readonly<Record<string, string>>,
  change: (name: string, tensor: Values) => Values = (_, tensor) => tensor,
): Map<string, Values> {
  const found = new Map<string, Values>();
  for (const [source, name] of Object.entries(table)) {
    const tensor = given.get(source);
    if (tensor) found.set(name, change(name, tensor));
  }
  return found;
}

/** A vocabulary of so many tokens, some of which are no text. Prompts are given as ids. */
export function vocabularyEntries(size: number, special: Readonly<Record<number, string>>): Entry[] {
  const tokens = Array.from({ length: size }, (_, id) => special[id] ?? `t${id}`);
  const types = { type: TYPES.i32, values: tokens.map((_, id) => (id in special ? 3 : 1)), length: BigInt(size) };
  return [
    ...entriesOf({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.merges': ['t 1'],
      'tokenizer.ggml.add_bos_token': false,
    }),
    ['tokenizer.ggml.token_type', TYPES.array, types],
  ];
}

/** Metadata of towers, without `clip.vision.`, and of the file. */
export interface ClipEntries {
  projector: string;
  vision: Record<string, number | readonly (number | boolean)[]>;
  more?: Record<string, string | boolean>;
}

/** An mmproj file, as llama.cpp's converters write them. */
export const mmprojFile = (
  { projector, vision, more = {} }: ClipEntries,
  tensors: ReadonlyMap<string, Values>,
  weights: Weights = 'f32',
): Buffer =>
  ggufOf(
    entriesOf({
      'general.architecture': 'clip',
      'clip.has_vision_encoder': true,
      'clip.projector_type': projector,
      ...Object.fromEntries(Object.entries(vision).map(([key, value]) => [`clip.vision.${key}`, value])),
      ...more,
    }),
    tensors,
    weights,
  );

/** The entries of a tower by the config of its folder. */
export function towerEntries(
  vision: Record<string, number>,
  { image_mean, image_std }: Record<'image_mean' | 'image_std', number[]>,
): ClipEntries['vision'] {
  return {
    image_size: vision.image_size,
    patch_size: vision.patch_size,
    embedding_length: vision.hidden_size,
    feed_forward_length: vision.intermediate_size,
    'attention.head_count': vision.num_attention_heads,
    'attention.layer_norm_epsilon': vision.layer_norm_eps,
    block_count: vision.num_hidden_layers,
    image_mean,
    image_std,
  };
}

/** Rows of queries or keys in the order that llama.cpp has for pairs of neighbours (conversion/llama.py, `permute`). */
export function interleaved({ shape, values }: Values, heads: number): Values {
  const [rows, columns] = shape;
  const size = rows / heads;
  const into = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / size);
    const within = row % size;
    const pair = within % (size / 2);
    const to = head * size + 2 * pair + (within < size / 2 ? 0 : 1);
    into.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return { shape, values: into };
}

/** A file of the least tower, whose embeddings are `hiddenSize` numbers wide. */
export function smallMmproj(hiddenSize: number, projector = 'idefics3'): Buffer {
  const [width, inner, patch] = [8, 12, 4];
  const shapes: Record<string, number[]> = {
    'v.patch_embd.weight': [width, 3, patch, patch],
    'v.patch_embd.bias': [width],
    'v.position_embd.weight': [4, width],
    'v.post_ln.weight': [width],
    'v.post_ln.bias': [width],
    'mm.model.fc.weight': [hiddenSize, 4 * width],
  };
  for (const part of ['weight', 'bias']) {
    const matrix = (outputs: number, inputs: number) => (part === 'weight' ? [outputs, inputs] : [outputs]);
    for (const name of ['ln1', 'ln2']) shapes[`v.blk.0.${name}.${part}`] = [width];
    for (const name of ['q', 'k', 'v', 'out']) shapes[`v.blk.0.attn_${name}.${part}`] = matrix(width, width);
    shapes[`v.blk.0.ffn_up.${part}`] = matrix(inner, width);
    shapes[`v.blk.0.ffn_down.${part}`] = matrix(width, inner);
  }
  const tensors = new Map(
    Object.entries(shapes).map(([name, shape]): [string, Values] => [
      name,
      { shape, values: new Float32Array(shape.reduce((product, size) => product * size)).fill(0.5) },
    ]),
  );
  const vision = { image_size: 8, patch_size: patch, hidden_size: width, intermediate_size: inner };
  const processor = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
  const tower = towerEntries(
    { ...vision, num_attention_heads: 2, layer_norm_eps: 1e-6, num_hidden_layers: 1 },
    processor,
  );
  return mmprojFile({ projector, vision: { ...tower, 'projector.scale_factor': 2 } }, tensors);
}
