import { join } from 'node:path';
import { kindOf, type OpenFile, withFile } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import type { Checkpoint, CheckpointPart, Vocabulary } from './checkpoint.js';
import { openGguf, openGgufVocabulary } from './gguf.js';
import { hasGgufMagic } from './gguf-header.js';
import { CONFIG_FILE, hasWeights, openHuggingFace, openHuggingFaceVocabulary } from './hugging-face.js';
import { oddFile, refusePiece, startOf } from './odd-files.js';
import { ggufFilesIn, refuseOddFolder, restOf } from './odd-folders.js';

/**
 * Opens a GGUF file or a Hugging Face folder. It reads and checks headers, and only a sample of the data, for the
 * digest. `part`: what of the model; default all of it. Throws NOT_FOUND, UNSUPPORTED, CORRUPT or IO.
 */
export function openCheckpoint(path: string, part: CheckpointPart = 'model'): Checkpoint {
  const found = findCheckpoint(path);
  if (found.kind === 'huggingface') {
    if (part !== 'model') throw onlyGguf(found.path);
    return openHuggingFace(found.path);
  }
  try {
    return openGguf(found.path, part);
  } catch (error) {
    // The first piece of a file begins as the whole does.
    refusePiece(found.path);
    throw error;
  }
}

/** Blocks that predict further tokens are read from GGUF files alone. */
export const onlyGguf = (path: string) =>
  new FlashrowError(
    'UNSUPPORTED',
    `the block of ${path} that predicts further tokens cannot be read; \`draft: 'mtp'\` needs the GGUF file of a model`,
    { option: 'draft', value: 'mtp', path },
  );

/** The vocabulary of a checkpoint, or of a GGUF file with a vocabulary alone. Throws as `openCheckpoint` does. */
export function openVocabulary(path: string): Vocabulary {
  const found = findCheckpoint(path, false);
  return found.kind === 'gguf' ? openGgufVocabulary(found.path) : openHuggingFaceVocabulary(found.path);
}

/** The kind of a checkpoint, and its path: in a folder with one GGUF model, that of the file. */
function findCheckpoint(path: string, needsWeights = true): Pick<Checkpoint, 'kind' | 'path'> {
  const kind = kindOf(path);
  if (kind === null)
    throw new FlashrowError(
      'NOT_FOUND',
      `${shown(path)} does not exist; give a store folder, a GGUF file or a Hugging Face folder`,
      { path },
    );
  if (kind === 'folder') return inFolder(path, needsWeights);
  withFile(path, requireGguf);
  return { kind: 'gguf', path };
}

function inFolder(path: string, needsWeights: boolean): Pick<Checkpoint, 'kind' | 'path'> {
  const hasConfig = kindOf(join(path, CONFIG_FILE)) === 'file';
  if (hasConfig && hasWeights(path)) {
    refuseOddFolder(path, true);
    return { kind: 'huggingface', path };
  }
  const models = ggufFilesIn(path);
  if (models.length === 1) return { kind: 'gguf', path: models[0] };
  if (models.length > 1)
    throw new FlashrowError('BAD_USAGE', `${path} holds several GGUF models; give one of them: ${models.join(', ')}`, {
      path,
    });
  if (hasConfig && !needsWeights) return { kind: 'huggingface', path };
  refuseOddFolder(path, false);
  if (hasConfig) return { kind: 'huggingface', path };
  throw new FlashrowError(
    'NOT_FOUND',
    `${path} is no model: a store folder holds manifest.msgpack, a Hugging Face folder ${CONFIG_FILE}${restOf(path)}`,
    { path },
  );
}

function requireGguf(file: OpenFile): void {
  if (hasGgufMagic(file)) return;
  const { path } = file;
  refusePiece(path);
  const problem = /\.onnx$/i.test(path)
    ? 'is a model for ONNX Runtime; get the model as safetensors or GGUF'
    : (oddFile(startOf(file), file.size) ?? 'is not a GGUF file; give one, or the folder of a Hugging Face model');
  throw new FlashrowError('UNSUPPORTED', `${path} ${problem}`, { path });
}
