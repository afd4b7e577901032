import { join } from 'node:path';
import { kindOf, withFile } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import type { Checkpoint, Vocabulary } from './checkpoint.js';
import { openGguf, openGgufVocabulary } from './gguf.js';
import { hasGgufMagic } from './gguf-header.js';
import { CONFIG_FILE, openHuggingFace, openHuggingFaceVocabulary } from './hugging-face.js';

/**
 * Opens a GGUF file or a Hugging Face folder. It reads and checks headers, and only a sample of the data, for the
 * digest.
 * Throws NOT_FOUND, UNSUPPORTED, CORRUPT or IO.
 */
export function openCheckpoint(path: string): Checkpoint {
  return kindOfCheckpoint(path) === 'gguf' ? openGguf(path) : openHuggingFace(path);
}

/** The vocabulary of a checkpoint, or of a GGUF file with a vocabulary alone. Throws as `openCheckpoint` does. */
export function openVocabulary(path: string): Vocabulary {
  return kindOfCheckpoint(path) === 'gguf' ? openGgufVocabulary(path) : openHuggingFaceVocabulary(path);
}

function kindOfCheckpoint(path: string): Checkpoint['kind'] {
  const kind = kindOf(path);
  if (kind === null)
    throw new FlashrowError(
      'NOT_FOUND',
      `${shown(path)} does not exist; give a store folder, a GGUF file or a Hugging Face folder`,
      {
        path,
      },
    );
  if (kind === 'folder') {
    if (kindOf(join(path, CONFIG_FILE)) === 'file') return 'huggingface';
    throw new FlashrowError(
      'NOT_FOUND',
      `${path} is no model: a store folder holds manifest.msgpack, a Hugging Face folder ${CONFIG_FILE}`,
      { path },
    );
  }
  if (!withFile(path, hasGgufMagic))
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} is not a GGUF file; give one, or the folder of a Hugging Face model`,
      { path },
    );
  return 'gguf';
}
