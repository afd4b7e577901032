import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { numBundles } from '../../../native-bridge/bundles.js';
import { type FileState, fileState, isSameState, settledStates } from '../../disk/file-state.js';
import { lacksSpace } from '../../disk/folders.js';
import { freeBytes } from '../../disk/free-bytes.js';
import { asWriteError, type Space } from '../../disk/write-errors.js';
import { FlashrowError } from '../../errors.js';
import type { Checkpoint } from '../../import/checkpoint.js';
import type { StoredText } from '../../text/stored-text.js';
import { convertedBytes, moveRest, openConverted, removeConverted } from '../converted-store.js';
import { rememberSource } from '../known-sources.js';
import { isInPlace, type LayoutOptions, planLayout, type StoreLayout } from '../layout.js';
import {
  CHAT_TEMPLATE_FILE,
  GENERATION_CONFIG_FILE,
  MANIFEST_FILE,
  type RequantizedTensor,
  TOKENIZER_FILE,
} from '../manifest.js';
import { encodeManifest } from '../manifest-file.js';
import { contentDigest } from '../source-content.js';
import { type TensorsOptions, writeTensors } from './tensors-writer.js';
import { checkDestination, finished, removeLeft, WorkFolder } from './work-folder.js';

export interface WriteOptions extends LayoutOptions, TensorsOptions {
  stored: StoredText;
  /** Replaces a damaged store of this checkpoint at the destination. Files that came after its conversion stay. */
  replacesDamaged?: boolean;
  /**
   * Reads the checkpoint once more and notes what it holds, so that the store is known again as that of the same bytes,
   * and of no others (source.ts). `onCompare` is told what was read.
   */
  remembersSource?: boolean;
  onCompare?: (bytes: number, totalBytes: number) => void;
}

/** What a conversion wrote. */
export interface ConvertResult {
  /** The store's folder. */
  store: string;
  /** Bytes of all files in it, without experts that stay in the checkpoint. */
  bytes: number;
  /** Time taken, seconds. */
  seconds: number;
  /** Each matrix whose format changed, and the error that this brought. */
  requantized: RequantizedTensor[];
  /** The checkpoint's files that the store reads experts from: it needs them where they are. Empty for most models. */
  readsFrom: string[];
}

/** Room for the fixed part of the manifest, and for the file system's own data. */
const MARGIN_BYTES = 256 * 1024;

/**
 * Converts a checkpoint into a store at `destination`, which must be absent or an empty folder. The work is done in
 * `<destination>.partial`. An abort (which throws the signal's reason) or a kill leaves that folder, and the next call
 * with the same source and options continues after the last finished layer. Any other failure removes it.
 *
 * Throws BAD_USAGE (the destination is taken, with `{finished}` for a whole store; unknown format; weights too large
 * for the format), BUSY (another process converts there), DISK_FULL with `{neededBytes, freeBytes}`, NOT_WRITABLE,
 * CORRUPT (weights not finite, a file cut short), NOT_FOUND or IO.
 */
export async function writeStore(
  checkpoint: Checkpoint,
  destination: string,
  options: WriteOptions,
): Promise<ConvertResult> {
  const began = performance.now();
  options.signal?.throwIfAborted();
  removeLeft(destination);
  const paths = checkpoint.files.map(({ path }) => path);
  const states = await settledStates(paths, options.signal);
  const layout = planLayout(checkpoint, options);
  const text = encodeText(options.stored, checkpoint);
  const space: Space = { neededBytes: 0, freeBytes: 0 };
  let folder: WorkFolder | null = null;
  try {
    if (!options.replacesDamaged) checkDestination(destination);
    space.neededBytes = layout.bytes + textBytes(text) + manifestBytes(layout) + MARGIN_BYTES;
    space.freeBytes = freeBytes(destination) + WorkFolder.bytesLeft(destination);
    if (options.replacesDamaged) space.freeBytes += convertedBytes(destination);
    if (space.neededBytes > space.freeBytes) throw lacksSpace(dirname(resolve(destination)), space);

    folder = WorkFolder.take(destination);
    // Another conversion may have finished in the meantime.
    if (options.replacesDamaged) clearDamaged(destination);
    else checkDestination(destination);
    const manifest = await writeTensors(checkpoint, layout, states, folder, options);
    if (options.remembersSource)
      manifest.source.content = await contentDigest(checkpoint, layout, {
        signal: options.signal,
        onBytes: options.onCompare,
      });
    checkUnchanged(states);
    for (const { name, bytes } of text) {
      await writeWhole(join(folder.store, name), bytes);
      manifest.files.push({ name, bytes: bytes.length, checksum: options.crc32c(bytes, 0), external: null });
    }
    const encoded = encodeManifest(manifest);
    await writeWhole(join(folder.store, MANIFEST_FILE), encoded);
    options.signal?.throwIfAborted();
    if (options.replacesDamaged && existsSync(destination))
      moveRest(destination, { path: folder.store, spec: checkpoint.spec });
    const { content } = manifest.source;
    if (content !== null) rememberSource(folder.store, content, states);
    await folder.finish();
    return {
      store: folder.destination,
      bytes: layout.bytes + textBytes(text) + encoded.length,
      seconds: (performance.now() - began) / 1000,
      requantized: manifest.requantized,
      readsFrom: manifest.files.flatMap(({ external }) => external?.path ?? []),
    };
  } catch (error) {
    if (options.signal?.aborted && error === options.signal.reason) {
      folder?.release();
      throw error;
    }
    folder?.discard();
    throw asWriteError(error, destination, space);
  }
}

/** Throws CORRUPT where a file was written since it was in one of `states`: the store would be a mixture. */
function checkUnchanged(states: readonly FileState[]): void {
  for (const { path, ...state } of states)
    if (!isSameState(fileState(path), { path, ...state }))
      throw new FlashrowError(
        'CORRUPT',
        `${path} was changed while it was converted; try again when nothing writes to it`,
        { path },
      );
}

function clearDamaged(destination: string): void {
  const converted = openConverted(destination);
  if (converted !== null && 'manifest' in converted) throw finished(destination);
  removeConverted(destination);
}

/** The files of the text side. Throws CORRUPT for a BOS without an embedding. */
function encodeText(stored: StoredText, { spec, path }: Checkpoint): { name: string; bytes: Buffer }[] {
  const { bosId } = stored.text;
  if (bosId !== null && bosId >= spec.vocabSize) {
    const message = `${path}: its tokenizer begins texts with id ${bosId}, but the model has only ${spec.vocabSize} embeddings`;
    throw new FlashrowError('CORRUPT', message, { bosId, vocabSize: spec.vocabSize });
  }
  const files = [{ name: TOKENIZER_FILE, bytes: Buffer.from(JSON.stringify(stored.tokenizer)) }];
  if (stored.chatTemplate !== null) {
    files.push({ name: CHAT_TEMPLATE_FILE, bytes: Buffer.from(stored.chatTemplate) });
  }
  if (stored.generationConfig !== null) {
    files.push({ name: GENERATION_CONFIG_FILE, bytes: Buffer.from(JSON.stringify(stored.generationConfig)) });
  }
  return files;
}

const textBytes = (files: { bytes: Buffer }[]) => files.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** The checksums of bundles, which are the manifest's growing part. */
const manifestBytes = (layout: StoreLayout) =>
  layout.layers.reduce(
    (sum, layer) => sum + (isInPlace(layout, layer) ? 0 : numBundles(layer) * layer.segments.length * 4),
    0,
  );

async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
