import { basename, join, resolve } from 'node:path';
import { kindOf, readExactly, withFile } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import type { FolderTensors } from '../model/architecture.js';
import { describeHuggingFace } from '../model/families/architectures.js';
import { Fields } from '../model/fields.js';
import type { Checkpoint, HuggingFaceVocabulary } from './checkpoint.js';
import { SourceDigest } from './digest.js';
import { readHuggingFaceVocabulary } from './hugging-face-vocabulary.js';
import { parseObject, readSmallFile } from './json.js';
import { resolveTensors } from './resolve-tensors.js';
import { readSafetensorsHeader } from './safetensors.js';
import { damagedTensor, type SourceTensor } from './source-tensor.js';
import { settleHead } from './tied-head.js';

export const CONFIG_FILE = 'config.json';
const WEIGHTS_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';

const MAX_CONFIG_BYTES = 4 * 2 ** 20;
/** The tensors that are read while a folder opens are a few numbers. */
const MAX_INLINE_BYTES = 2 ** 20;
const INTEGER_BYTES = 8;
const MAX_INDEX_BYTES = 32 * 2 ** 20;

/**
 * Opens a Hugging Face folder: config.json, model.safetensors (one, or shards with an index), tokenizer.json.
 * Throws NOT_FOUND, CORRUPT or UNSUPPORTED.
 */
export function openHuggingFace(path: string): Checkpoint {
  const digest = new SourceDigest();
  const config = readConfig(path, digest);
  const { files, found } = readWeights(path, digest);
  const holds = (sourceName: string) => found.has(sourceName);
  const described = describeHuggingFace(basename(resolve(path)), config, holds, folderTensors(path, found));
  const description = settleHead(described, config, found);
  const tensors = resolveTensors(path, description, found);
  digest.addSamples(tensors.values());
  const vocabulary = readHuggingFaceVocabulary(path, config, digest);
  return { kind: 'huggingface', path, files, digest: digest.hex(), spec: description.spec, tensors, vocabulary };
}

/** Answers an architecture's questions about the tensors while it reads config.json. */
const folderTensors = (path: string, found: ReadonlyMap<string, SourceTensor>): FolderTensors => ({
  shape: (name) => found.get(name)?.shape ?? null,
  integers(name) {
    const tensor = found.get(name);
    if (!tensor) throw damagedTensor(path, name, 'is missing; a short list of whole numbers was expected');
    const { type, shape, bytes, offset } = tensor;
    if (type !== 'I64' || shape.length !== 1 || bytes !== INTEGER_BYTES * shape[0] || bytes > MAX_INLINE_BYTES)
      throw damagedTensor(
        tensor.path,
        name,
        `is of type ${type} and shape [${shape}]; a short list of I64 was expected`,
      );
    const values = Buffer.alloc(bytes);
    withFile(tensor.path, (file) => readExactly(file, offset, values));
    return Array.from({ length: shape[0] }, (_, i) => values.readBigInt64LE(i * INTEGER_BYTES));
  },
});

/** config.json and all tensors of a folder, whatever they are for. Throws as `openHuggingFace` does. */
export function openFolder(path: string): {
  config: Fields;
  tensors: ReadonlyMap<string, SourceTensor>;
  /** Hex SHA-256 of config.json and the headers. */
  digest: string;
} {
  const digest = new SourceDigest();
  const opened = { config: readConfig(path, digest), tensors: readWeights(path, digest).found };
  return { ...opened, digest: digest.hex() };
}

/** Whether a folder holds weights in safetensors, or their index. */
export const hasWeights = (folder: string): boolean =>
  [WEIGHTS_FILE, INDEX_FILE].some((name) => kindOf(join(folder, name)) === 'file');

/** The vocabulary alone. The folder needs no weights. */
export function openHuggingFaceVocabulary(path: string): HuggingFaceVocabulary {
  const digest = new SourceDigest();
  return readHuggingFaceVocabulary(path, readConfig(path, digest), digest);
}

function readConfig(folder: string, digest: SourceDigest): Fields {
  const path = join(folder, CONFIG_FILE);
  const bytes = readSmallFile(path, MAX_CONFIG_BYTES);
  digest.addBytes(bytes);
  return Fields.of(path, parseObject(bytes, path));
}

export function readWeights(
  folder: string,
  digest: SourceDigest,
): { files: Checkpoint['files']; found: Map<string, SourceTensor> } {
  const placed = shardOfTensor(folder);
  const shards = placed ? [...new Set(placed.values())].sort() : [WEIGHTS_FILE];
  const files: Checkpoint['files'] = [];
  const found = new Map<string, SourceTensor>();
  for (const shard of shards) {
    const path = join(folder, shard);
    if (placed && kindOf(path) !== 'file')
      throw new FlashrowError(
        'NOT_FOUND',
        `${path} is missing, one of ${shards.length} shards that ${INDEX_FILE} names; fetch it too`,
        { path },
      );
    withFile(path, (file) => {
      const { tensors, headerBytes } = readSafetensorsHeader(file);
      digest.addHeader(file, headerBytes);
      files.push({ path, bytes: file.size, headerBytes });
      for (const tensor of tensors) {
        if (found.has(tensor.sourceName))
          throw damagedTensor(path, tensor.sourceName, `is in ${found.get(tensor.sourceName)?.path} as well`);
        found.set(tensor.sourceName, tensor);
      }
    });
  }
  for (const [name, shard] of placed ?? [])
    if (found.get(name)?.path !== join(folder, shard))
      throw damagedTensor(join(folder, shard), name, `is not there, but ${INDEX_FILE} says it is`);
  return { files, found };
}

/** The file of each tensor, from the index; null where one file holds all tensors. */
function shardOfTensor(folder: string): Map<string, string> | null {
  const path = join(folder, INDEX_FILE);
  if (kindOf(join(folder, WEIGHTS_FILE)) === 'file') return null;
  if (kindOf(path) !== 'file')
    throw new FlashrowError(
      'NOT_FOUND',
      `${folder} holds neither ${WEIGHTS_FILE} nor ${INDEX_FILE}; weights in other formats are not read`,
      { path: folder },
    );
  const weights = Fields.of(path, parseObject(readSmallFile(path, MAX_INDEX_BYTES), path)).raw('weight_map');
  const map = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(typeof weights === 'object' && weights ? weights : {})) {
    // The name becomes part of a path, so it must be a plain file of this folder.
    if (typeof shard !== 'string' || !/^[\w.-]+\.safetensors$/.test(shard) || shard.startsWith('.'))
      throw new FlashrowError(
        'CORRUPT',
        `${path} puts tensor ${shown(tensor)} into ${shown(shard)}; it should be a file name like model-00001-of-00002.safetensors`,
        { path },
      );
    map.set(tensor, shard);
  }
  if (map.size === 0) throw new FlashrowError('CORRUPT', `${path} has no "weight_map", or an empty one`, { path });
  return map;
}
