import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { settledStates } from '../disk/file-state.js';
import { syncFolder } from '../disk/folder-sync.js';
import { lacksSpace, makeFolder } from '../disk/folders.js';
import { freeBytes } from '../disk/free-bytes.js';
import { removeFolderOfLock, takeLock } from '../disk/lock.js';
import { asWriteError } from '../disk/write-errors.js';
import { writeFully } from '../disk/write-fully.js';
import { FlashrowError } from '../errors.js';
import { blockOf } from '../import/tensor-format.js';
import { TensorReader } from '../import/tensor-reader.js';
import { mergedWeights, PIECE_WEIGHTS } from './add-weights.js';
import { mergeTensors } from './merge-tensors.js';
import { type FolderWeights, openWeights } from './open-weights.js';
import { indexOf, type Shard, shardsOf } from './shards.js';
import { copyTextFiles, readConfig } from './text-files.js';
import { towerTensors } from './tower-tensors.js';

/** Says which merge the files of a work folder belong to. */
const KEY_FILE = 'key';

/** What came of a merge. */
export interface DeltaResult {
  /** The folder of the merged model. */
  folder: string;
  /** Bytes of its weights. */
  bytes: number;
  /** Seconds that it took, without those of earlier runs. */
  seconds: number;
  /** Tensors that are sums of base and delta. */
  added: number;
  /** Those of them that have more rows in the delta: rows that the base lacks are the delta's. */
  grown: string[];
  /** Tensors that the delta brings whole. */
  brought: number;
  /** What the folder still lacks to be run, in sentences. */
  warnings: string[];
}

/** Where a merge reads and writes. */
export interface DeltaRequest {
  base: string;
  delta: string;
  destination: string;
  /**
   * The folder of the vision tower, which becomes a part of the model; null where the delta has it, or none is given.
   */
  vision: string | null;
}

interface Follow {
  signal: AbortSignal;
  /** Bytes of weights that are written, and all of them. */
  onBytes: (done: number, total: number) => void;
  /** The most bytes of a file of weights; default 1 GiB. */
  shardBytes?: number;
}

/**
 * Adds a base model and a delta of Ferret's, as its makers publish it, to one folder in safetensors. It grows in
 * `<destination>.partial`, file by file: a merge that was cut off goes on after its last whole file. Throws BAD_USAGE,
 * NOT_FOUND, UNSUPPORTED, CORRUPT, DISK_FULL, NOT_WRITABLE, BUSY, IO, or `signal.reason`.
 */
export async function applyDelta(
  { base, delta, destination, vision }: DeltaRequest,
  { signal, onBytes, shardBytes }: Follow,
): Promise<DeltaResult> {
  const began = performance.now();
  const work = `${resolve(destination)}.partial`;
  const lockPath = join(work, 'lock');
  // A merge that was ended after its folder was moved leaves these.
  if (existsSync(destination)) removeFolderOfLock(lockPath, [KEY_FILE]);
  checkDestination(destination);
  if (resolve(base) === resolve(delta))
    throw new FlashrowError('BAD_USAGE', `${delta} is the base as well; name the folder of the published delta`, {
      path: delta,
    });
  const [from, change] = [await openWeights(base), await openWeights(delta)];
  const tower = vision === null ? null : await openWeights(vision);
  const config = readConfig(delta);
  if (tower && hasTower(change))
    throw new FlashrowError('BAD_USAGE', `${delta} has a vision tower of its own; leave \`vision\` out`, {
      option: 'vision',
    });
  const tensors = [...mergeTensors(from, change), ...(tower ? towerTensors(tower) : [])];
  const shards = shardsOf(tensors, shardBytes);
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  makeFolder(work);
  const lock = takeLock(lockPath, 'merging to the same place');
  try {
    const folder = join(work, 'model');
    const states = () => settledStates([...from.files, ...change.files, ...(tower?.files ?? [])], signal);
    const key = keyOf(shards, await states());
    const done = begin(work, folder, key, shards);
    const missing = bytes - done.reduce((sum, shard) => sum + shard.bytes, 0);
    const space = { neededBytes: missing, freeBytes: freeBytes(work) };
    if (missing > space.freeBytes) throw lacksSpace(destination, space);
    try {
      await writeShards(folder, shards, done, { signal, onBytes });
      if (keyOf(shards, await states()) !== key)
        throw new FlashrowError('CORRUPT', `weights of ${base} or ${delta} changed while they were read; begin again`, {
          path: delta,
        });
      const index = indexOf(shards);
      if (index !== null) writeFileSync(join(folder, 'model.safetensors.index.json'), index);
      const lacks = copyTextFiles(base, delta, folder);
      await syncFolder(folder);
      if (existsSync(destination)) rmdirSync(destination);
      await rename(folder, destination);
      await syncFolder(dirname(resolve(destination)));
      lock.releaseWithFolder();
      return {
        folder: resolve(destination),
        bytes,
        seconds: (performance.now() - began) / 1000,
        added: tensors.filter((tensor) => tensor.base !== null).length,
        grown: tensors
          .filter((tensor) => tensor.base && tensor.base.shape[0] < tensor.shape[0])
          .map(({ name }) => name),
        brought: tensors.filter((tensor) => tensor.base === null).length,
        warnings: [...lacks, ...(tower || hasTower(change) ? [] : withoutTower(config, destination))],
      };
    } catch (error) {
      throw asWriteError(error, destination, space);
    }
  } finally {
    lock.release();
  }
}

/** Throws BAD_USAGE unless the destination is absent or an empty folder. */
function checkDestination(destination: string): void {
  const found = statSync(destination, { throwIfNoEntry: false });
  if (found === undefined || (found.isDirectory() && readdirSync(destination).length === 0)) return;
  const what = found.isDirectory() ? 'is not empty' : 'is a file';
  throw new FlashrowError('BAD_USAGE', `${destination} ${what}; name a folder that does not exist`, {
    path: destination,
  });
}

/** Tells merges apart: what is written, and the files that it is made from, in their state. */
const keyOf = (shards: readonly Shard[], states: readonly object[]): string =>
  createHash('sha256')
    .update(JSON.stringify([states, shards.map(({ name, header }) => [name, Buffer.from(header).toString('base64')])]))
    .digest('hex');

/** The files that an earlier run of the same merge wrote whole. What another one left is removed. */
function begin(work: string, folder: string, key: string, shards: readonly Shard[]): Shard[] {
  const noted = join(work, KEY_FILE);
  if (existsSync(noted) && readFileSync(noted, 'utf8') === key && existsSync(folder))
    return shards.filter(({ name, bytes }) => statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(noted, key);
  return [];
}

async function writeShards(
  folder: string,
  shards: readonly Shard[],
  done: readonly Shard[],
  { signal, onBytes }: Follow,
): Promise<void> {
  const total = shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const reader = new TensorReader();
  let written = done.reduce((sum, { bytes }) => sum + bytes, 0);
  try {
    for (const shard of shards.filter((each) => !done.includes(each))) {
      const partial = join(folder, `${shard.name}.partial`);
      const file = await open(partial, 'w');
      try {
        let at = 0;
        for (const piece of piecesOf(shard, reader)) {
          writeFully(file.fd, piece, at);
          at += piece.length;
          onBytes(written + at, total);
          // Lets the message of an abort come.
          await new Promise(setImmediate);
          signal.throwIfAborted();
        }
        await file.datasync();
        written += at;
      } finally {
        await file.close();
      }
      // A file that has its name is whole.
      await rename(partial, join(folder, shard.name));
      await syncFolder(folder);
    }
  } finally {
    reader.close();
  }
}

function* piecesOf({ header, tensors }: Shard, reader: TensorReader): Generator<Uint8Array> {
  yield header;
  for (const tensor of tensors) {
    const weights = tensor.bytes / blockOf(tensor.format).blockBytes;
    for (let first = 0; first < weights; first += PIECE_WEIGHTS)
      yield mergedWeights(tensor, first, Math.min(PIECE_WEIGHTS, weights - first), reader);
  }
}

const hasTower = ({ tensors }: FolderWeights): boolean =>
  [...tensors.keys()].some((name) => name.startsWith('model.vision_tower.'));

/** Says where the vision tower belongs that the weights do not hold. */
function withoutTower({ mm_vision_tower: tower }: Record<string, unknown>, folder: string): string[] {
  if (typeof tower !== 'string') return [];
  return [
    `the weights hold no vision tower: put the folder of ${tower} at ${join(folder, tower)}, with safetensors, or give it as \`vision\``,
  ];
}
