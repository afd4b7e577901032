import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { crc32c } from '../../native-bridge/crc32c.js';
import type { RowFormat } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import type { ModelSpec } from '../model/spec.js';
import type { TextSpec } from '../model/text-spec.js';
import { checkPinned } from './external.js';
import {
  CHAT_TEMPLATE_FILE,
  GENERATION_CONFIG_FILE,
  type LayerBundles,
  MANIFEST_FILE,
  type Manifest,
  partialPath,
  storedFile,
  TOKENIZER_FILE,
} from './manifest.js';
import { decodeManifest } from './manifest-file.js';

/** Larger than the manifest of any model. A larger file is not read. */
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;

/** The place of a resident tensor's contiguous rows. */
export interface StoredTensor {
  path: string;
  /** [rows, columns], or [length]. */
  shape: number[];
  format: RowFormat;
  offset: number;
  bytes: number;
  /** CRC-32C of the bytes; absent where the checkpoint's own file holds them. */
  checksum?: number;
  /** What the matrix's products are multiplied by. Default: nothing. */
  factor?: number;
}

/** An open store. Its manifest is checked against the files' sizes, and no weight is read. */
export interface Store {
  path: string;
  manifest: Manifest;
  spec: ModelSpec;
  text: TextSpec;
  layers: LayerBundles[];
  /** Absolute paths of `manifest.files`, external ones included. The layers' extents refer to them by index. */
  files: string[];
  /** By name (model/tensor-names.ts). */
  tensors: ReadonlyMap<string, StoredTensor>;
  /** Bytes of all files that the manifest lists in the folder, and of the manifest. */
  bytes: number;
  /** tokenizer.json, parsed. Throws CORRUPT where its checksum does not match. */
  readTokenizer(): Record<string, unknown>;
  /** Null where the model has none. Throws CORRUPT where its checksum does not match. */
  readChatTemplate(): string | null;
  /**
   * generation_config.json, parsed; null where the model has none. Throws CORRUPT where its checksum does not match.
   */
  readGenerationConfig(): Record<string, unknown> | null;
}

export const isStore = (path: string) => existsSync(join(path, MANIFEST_FILE));

/** Whether a conversion to this store, or to the one that this folder would become, was not finished. */
export const isUnfinished = (path: string): boolean =>
  path.endsWith('.partial') ? existsSync(join(path, 'journal')) : !existsSync(path) && existsSync(partialPath(path));

/**
 * Opens a store. Throws NOT_FOUND where there is none or where an external file is gone; CORRUPT (details: file,
 * offset) where the manifest is damaged, a file is missing or has another size, or an external file has changed;
 * UNSUPPORTED where a newer flashrow wrote it.
 */
export function openStore(path: string): Store {
  const folder = resolve(path);
  const encoded = readManifest(folder);
  const manifest = decodeAt(join(folder, MANIFEST_FILE), encoded);
  const files = manifest.files.map(({ name, bytes, external }) => {
    if (external !== null) {
      checkPinned(external, bytes);
      return external.path;
    }
    const file = join(folder, name);
    checkSize(file, bytes);
    return file;
  });
  const tensors = new Map(
    manifest.resident.map(({ name, file, checksum, ...stored }): [string, StoredTensor] => [
      name,
      { path: files[file], ...stored, ...(checksum !== null && { checksum }) },
    ]),
  );
  return {
    path: folder,
    manifest,
    spec: manifest.spec,
    text: manifest.text,
    layers: manifest.layers,
    files,
    tensors,
    bytes: encoded.length + manifest.files.reduce((sum, file) => sum + (file.external ? 0 : file.bytes), 0),
    readTokenizer: () => parseFile(TOKENIZER_FILE, readChecked(folder, manifest, TOKENIZER_FILE)!),
    readChatTemplate: () => readChecked(folder, manifest, CHAT_TEMPLATE_FILE)?.toString('utf8') ?? null,
    readGenerationConfig: () => {
      const bytes = readChecked(folder, manifest, GENERATION_CONFIG_FILE);
      return bytes && parseFile(GENERATION_CONFIG_FILE, bytes);
    },
  };
}

/** Errors of the manifest with its path: what decodes it knows its name alone. */
function decodeAt(path: string, encoded: Buffer): Manifest {
  try {
    return decodeManifest(encoded);
  } catch (error) {
    if (!(error instanceof FlashrowError) || error.code !== 'CORRUPT') throw error;
    const message = error.message.replace(MANIFEST_FILE, path);
    throw new FlashrowError('CORRUPT', message, { ...error.details, path }, { cause: error });
  }
}

function readManifest(folder: string): Buffer {
  const file = join(folder, MANIFEST_FILE);
  try {
    if (statSync(file).size > MAX_MANIFEST_BYTES)
      throw corrupt(`${file} is larger than any manifest`, MANIFEST_FILE, 0);
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof FlashrowError) throw error;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new FlashrowError('IO', `cannot read ${file}: ${message}`, { file, errno: code }, { cause: error });
    }
    const unfinished = basename(folder).endsWith('.partial') ? folder : partialPath(folder);
    const advice = existsSync(unfinished)
      ? `a conversion to it was not finished (${unfinished}); run the conversion again, and it resumes`
      : `it has no ${MANIFEST_FILE}; name a folder that \`convertModel()\` made`;
    throw new FlashrowError('NOT_FOUND', `${folder} is not a store: ${advice}`, { path: folder }, { cause: error });
  }
}

function checkSize(file: string, expected: number): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile()) throw corrupt(`${file} is missing`, basename(file), 0);
  if (found.size !== expected) {
    const offset = Math.min(found.size, expected);
    throw corrupt(`${file} has ${found.size} bytes, but its manifest says ${expected}`, basename(file), offset);
  }
}

function readChecked(folder: string, manifest: Manifest, name: string): Buffer | null {
  const entry = storedFile(manifest, name);
  if (entry === undefined) return null;
  const bytes = readFileSync(join(folder, name));
  if (crc32c(bytes, 0) !== entry.checksum) throw corrupt(`${join(folder, name)} is damaged`, name, 0);
  return bytes;
}

function parseFile(name: string, bytes: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // The error below tells of it.
  }
  throw corrupt(`${name} does not hold a JSON object`, name, 0);
}

/** `offset` is the byte in `file` at which the damage begins. */
const corrupt = (what: string, file: string, offset: number) =>
  new FlashrowError('CORRUPT', `${what}; convert the model again`, { file, offset });
