import { join } from 'node:path';
import { closeFile, kindOf, openFile } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import { SourceDigest } from '../import/digest.js';
import { hasWeights, readWeights } from '../import/hugging-face.js';
import { parseObject, readSmallFile } from '../import/json.js';
import { damagedTensor, type SourceTensor } from '../import/source-tensor.js';
import { readTorchFile } from '../import/torch/torch-file.js';

const TORCH_FILE = 'pytorch_model.bin';
const TORCH_INDEX = 'pytorch_model.bin.index.json';
const MOST_INDEX_BYTES = 32 * 2 ** 20;

/** The tensors of a folder, and the files that they are in. */
export interface FolderWeights {
  folder: string;
  tensors: ReadonlyMap<string, SourceTensor>;
  files: readonly string[];
}

/**
 * The tensors of a Hugging Face folder, in safetensors or else in files of PyTorch, from their headers. Throws
 * NOT_FOUND, CORRUPT, UNSUPPORTED or IO.
 */
export async function openWeights(folder: string): Promise<FolderWeights> {
  if (kindOf(folder) !== 'folder')
    throw new FlashrowError(
      'NOT_FOUND',
      `${folder} ${kindOf(folder) === null ? 'does not exist' : 'is no folder'}; give the folder with the weights`,
      { path: folder },
    );
  if (hasWeights(folder)) {
    const { files, found } = readWeights(folder, new SourceDigest());
    return { folder, tensors: found, files: files.map(({ path }) => path) };
  }
  const files = torchFiles(folder);
  const tensors = new Map<string, SourceTensor>();
  for (const path of files) {
    if (kindOf(path) !== 'file')
      throw new FlashrowError(
        'NOT_FOUND',
        `${path} is missing, one of ${files.length} files of weights; fetch it too`,
        {
          path,
        },
      );
    const file = openFile(path);
    try {
      for (const tensor of await readTorchFile(file)) {
        const other = tensors.get(tensor.sourceName);
        if (other) throw damagedTensor(path, tensor.sourceName, `is in ${other.path} as well`);
        tensors.set(tensor.sourceName, tensor);
      }
    } finally {
      closeFile(file);
    }
  }
  return { folder, tensors, files };
}

function torchFiles(folder: string): string[] {
  if (kindOf(join(folder, TORCH_FILE)) === 'file') return [join(folder, TORCH_FILE)];
  const index = join(folder, TORCH_INDEX);
  if (kindOf(index) !== 'file')
    throw new FlashrowError(
      'NOT_FOUND',
      `${folder} holds no model.safetensors, no ${TORCH_FILE}, and no index of either; give the folder with the weights`,
      { path: folder },
    );
  const { weight_map: map } = parseObject(readSmallFile(index, MOST_INDEX_BYTES), index);
  const names = [...new Set(Object.values((map ?? {}) as Record<string, unknown>))];
  // The name becomes part of a path, so it must be a plain file of this folder.
  const strange = names.find((name) => typeof name !== 'string' || !/^[\w-][\w.-]*\.bin$/.test(name));
  if (names.length === 0 || strange !== undefined)
    throw new FlashrowError(
      'CORRUPT',
      `${index} ${names.length === 0 ? 'names no file' : `names the file ${shown(strange)}`}; it should name files like pytorch_model-00001-of-00002.bin`,
      { path: index },
    );
  return (names as string[]).sort().map((name) => join(folder, name));
}
