import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../disk/files.js';
import { FlashrowError } from '../errors.js';

const INSTEAD = 'get the model as safetensors or GGUF';

/**
 * Files by which a folder without what is read here is known, and what to say of it. The first that is there counts.
 */
const SIGNS: readonly [file: RegExp, problem: string][] = [
  [
    /^adapter_(config\.json|model\.(safetensors|bin))$/,
    'holds an adapter (LoRA), which is no model by itself; merge it into its model first (peft, merge_and_unload), or give a merged one',
  ],
  [/^model_index\.json$/, 'holds a pipeline of diffusers, which makes images; models of text are read'],
  [
    /^(modules|config_sentence_transformers)\.json$/,
    'holds a model of sentence-transformers, which gives embeddings; models that write text are read',
  ],
  [/^(snapshots|blobs)$/, "is a folder of the hub's cache; give the folder of one revision in its snapshots"],
  [/\.onnx(_data)?$/, `holds a model for ONNX Runtime; ${INSTEAD}`],
  [
    /^(params\.json|consolidated\.\d+\.(pth|pt|safetensors))$/,
    `holds the original weights of Meta or Mistral; ${INSTEAD}`,
  ],
  [/^pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?$|\.(pt|pth|bin)$/, `holds weights of PyTorch; ${INSTEAD}`],
  [/^(tf_model.*\.h5|saved_model\.pb)$/, `holds weights of TensorFlow; ${INSTEAD}`],
  [/^flax_model.*\.msgpack$/, `holds weights of Flax; ${INSTEAD}`],
  [/^openvino_model\.(xml|bin)$/, `holds a model for OpenVINO; ${INSTEAD}`],
];

/** Folders of these hold a config.json as well, so they are asked for first. */
const WITH_CONFIG = SIGNS.slice(0, 3);

/** Files that llama.cpp makes beside models. */
const NO_MODEL = /(^|[-._])(mmproj|imatrix)/i;

/** The GGUF models in a folder: each by its only file, or by the first of its parts. */
export const ggufFilesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.gguf$/i.test(name) && !NO_MODEL.test(name) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => kindOf(path) === 'file');

/** What a folder is in place of a model with safetensors; null for nothing known. */
function oddFolder(folder: string, hasConfig: boolean): string | null {
  const names = readdirSync(folder);
  // A store that lost its manifest.
  if (names.includes('resident.bin')) return null;
  const found = (hasConfig ? WITH_CONFIG : SIGNS).find(([sign]) => names.some((name) => sign.test(name)));
  return found?.[1] ?? null;
}

/** What can be said of a folder of nothing known, for the end of a message. */
export function restOf(folder: string): string {
  const names = readdirSync(folder);
  if (names.length === 0) return '; it is empty';
  return names.some((name) => name.endsWith('.safetensors'))
    ? '; its safetensors are there, so fetch config.json and tokenizer.json too'
    : '';
}

/** Throws UNSUPPORTED for a folder that is known to hold something else than a model of text with safetensors. */
export function refuseOddFolder(folder: string, hasConfig: boolean): void {
  const problem = oddFolder(folder, hasConfig);
  if (problem !== null) throw new FlashrowError('UNSUPPORTED', `${folder} ${problem}`, { path: folder });
}
