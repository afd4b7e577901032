import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteLevelTokenizer } from './byte-level-tokenizer.js';
import { safetensors, type TensorHeader } from './tiny-hugging-face.js';

export type Tensor = [name: string, shape: number[], scale: number, shift: number];

/** What golden/families_2026.py computed. */
export interface Golden {
  config: Record<string, unknown>;
  /** With `*` in its name a tensor is cut along its first axis into as many, numbered. */
  tensors: Tensor[];
  /** Lists of 64-bit integers, as decimal digits. */
  integers?: Record<string, string[]>;
  /** By position: the likeliest next tokens, each with its ln p. */
  rows: Record<string, [id: number, lnp: number][]>;
}

/** `ids` are the tokens of all models. */
export const GOLDENS = JSON.parse(readFileSync(new URL('../golden/families-2026.json', import.meta.url), 'utf8')) as {
  ids: number[];
  models: Record<string, Golden>;
};

/** The values of the `index`-th tensor of a model, as the reference made them. */
export function goldenValues(index: number, [, shape, scale, shift]: Tensor): Float32Array {
  const values = new Float32Array(shape.reduce((a, b) => a * b));
  let state = index + 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = ((state >>> 8) / 2 ** 24 - 0.5) * scale + shift;
  }
  return values;
}

/** safetensors pads headers with spaces, so that the data begins at a multiple of 8. */
function padded(header: TensorHeader): string {
  const json = JSON.stringify(header);
  return json.padEnd(8 * Math.ceil(Buffer.byteLength(json) / 8));
}

/**
 * Makes `folder` the checkpoint that the reference ran on: the same generator, the same order. `edit` changes
 * config.json. Returns its path.
 */
export function writeGolden(
  folder: string,
  { config, tensors, integers = {} }: Pick<Golden, 'config' | 'tensors' | 'integers'>,
  edit = (configJson: string) => configJson,
): string {
  mkdirSync(folder);
  const header: TensorHeader = {};
  const parts: Buffer[] = [];
  let end = 0;
  const add = (tensor: string, shape: number[], values: Float32Array | BigInt64Array) => {
    const dtype = values instanceof Float32Array ? 'F32' : 'I64';
    header[tensor] = { dtype, shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
    parts.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const [name, digits] of Object.entries(integers))
    add(
      name,
      [digits.length],
      BigInt64Array.from(digits, (value) => BigInt(value)),
    );
  for (const [index, whole] of tensors.entries()) {
    const [tensor, shape] = whole;
    const values = goldenValues(index, whole);
    const [count, ...one] = shape;
    const size = values.length / count;
    if (!tensor.includes('*')) add(tensor, shape, values);
    else
      for (let i = 0; i < count; i++) add(tensor.replace('*', `${i}`), one, values.subarray(i * size, (i + 1) * size));
  }
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([safetensors(padded(header)), ...parts]));
  writeFileSync(join(folder, 'config.json'), edit(JSON.stringify(config)));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(byteLevelTokenizer(94)));
  return folder;
}
