import { statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  availableIsas,
  type Bridge,
  nativeUnavailableReason,
  openBridge,
  rowBytes,
} from '../../native-bridge/index.js';
import { asFlashrowError } from '../disk/bridge-errors.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { makeFolder } from '../disk/folders.js';
import { amountFrom, formatBytes } from '../disk/format-bytes.js';
import { fileOrFolder, withScratchFile } from '../disk/scratch-file.js';
import { FlashrowError } from '../errors.js';
import type { Examination } from './examination.js';
import { knownModels } from './known-models.js';
import { defaultThreads } from './machine.js';
import { memoryLeft } from './memory-left.js';
import { kernelSpeed } from './speeds/kernel-speed.js';
import { DEPTHS, RECORD_BYTES, type ReadPoint, readCurve } from './speeds/read-curve.js';
import { verdictOn } from './verdict.js';

/** Smaller files are mostly in some cache, and hold no SAMPLE. */
const MIN_FILE_BYTES = 16 * 2 ** 20;
/** The kernels multiply by the file's bytes as if they were this matrix, loaded several times. */
const SAMPLE = { rows: 2048, columns: 4096, format: 'q8_0' } as const;
const SAMPLE_BYTES = 64e6;
/** tmpfs and ramfs, as statfs(2) numbers them. */
const MEMORY_FILE_SYSTEMS = [0x01021994, 0x858458f6];

export interface ExamineOptions {
  /** A folder, where a file is written to be read, or a large file. Default: the cache folder. */
  path?: string;
  /** Size of the file that is written. */
  scratchBytes: number;
  signal?: AbortSignal;
  onProgress: (stage: 'write' | 'read', done: number, total: number) => void;
}

/**
 * Measures what a model can expect of this machine. Throws NOT_FOUND, BAD_USAGE, DISK_FULL, NOT_WRITABLE, IO, and the
 * signal's reason.
 */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const { scratchBytes, signal, onProgress } = options;
  const { place, kind } = placeToMeasure(options);
  const threads = defaultThreads();
  const bridge = openBridge({ threads });
  try {
    const measure = (file: string) => measureFile(bridge, file, options);
    const progress = { signal, onProgress: (done: number, total: number) => onProgress('write', done, total) };
    const { curve, weightBytesPerSecond, coreShare } =
      kind === 'file' ? await measure(place) : await withScratchFile(place, scratchBytes, progress, measure);
    const left = memoryLeft();
    const { availableBytes, limitBytes } = left;
    const measured: Omit<Examination, 'verdict' | 'models'> = {
      node: process.version,
      onnxRuntime: onnxRuntimeVersion(),
      cpu: {
        model: cpus()[0]?.model ?? process.arch,
        cores: availableParallelism(),
        threads,
        kernels: bridge.isa,
        available: availableIsas(),
        unavailableReason: nativeUnavailableReason(),
        weightBytesPerSecond,
        coreShare,
      },
      memory: { totalBytes: totalmem(), availableBytes, limitBytes },
      disk: { path: place, ...spaceOf(place), direct: curve.every(({ direct }) => direct), curve },
    };
    const bestRead = Math.max(...curve.map(({ bytesPerSecond }) => bytesPerSecond));
    return {
      ...measured,
      models: knownModels(left, bestRead, weightBytesPerSecond),
      verdict: verdictOn(measured),
    };
  } catch (error) {
    throw asFlashrowError(error);
  } finally {
    bridge.dispose();
  }
}

/** The file or folder to measure, once it is known to be large enough. */
function placeToMeasure({ path, scratchBytes }: ExamineOptions): { place: string; kind: 'file' | 'folder' } {
  const place = path === undefined ? cacheDirectory(undefined) : resolve(path);
  if (path === undefined) makeFolder(place);
  const { kind, bytes } = fileOrFolder(place);
  if (kind === 'file' && bytes < MIN_FILE_BYTES)
    throw new FlashrowError(
      'BAD_USAGE',
      `${place} has ${formatBytes(bytes)}, too little to measure reads by; name a file of ${amountFrom(MIN_FILE_BYTES)} or more, or a folder`,
      { path: place },
    );
  if (kind === 'folder' && scratchBytes < MIN_FILE_BYTES)
    throw new FlashrowError(
      'BAD_USAGE',
      `a file of ${formatBytes(scratchBytes)} is too small to measure reads by; ${amountFrom(MIN_FILE_BYTES)} are enough`,
      { option: 'size' },
    );
  return { place, kind };
}

async function measureFile(bridge: Bridge, path: string, { signal, onProgress }: ExamineOptions) {
  const curve: ReadPoint[] = [];
  for (const point of readCurve(bridge, path)) {
    curve.push(point);
    onProgress('read', curve.length, RECORD_BYTES.length * DEPTHS.length);
    // A moment for Ctrl-C.
    await setImmediate();
    signal?.throwIfAborted();
  }
  const matrix = { ...SAMPLE, path, offset: 0, rowStride: rowBytes(SAMPLE.format, SAMPLE.columns) };
  const { bytesPerSecond, coreShare } = kernelSpeed(bridge, matrix, SAMPLE_BYTES);
  return { curve, weightBytesPerSecond: bytesPerSecond, coreShare };
}

function spaceOf(path: string): Pick<Examination['disk'], 'freeBytes' | 'inMemory'> {
  const { bavail, bsize, type } = statfsSync(path);
  return { freeBytes: bavail * bsize, inMemory: process.platform === 'linux' && MEMORY_FILE_SYSTEMS.includes(type) };
}

function onnxRuntimeVersion(): string | null {
  try {
    return createRequire(import.meta.url)('onnxruntime-node/package.json').version;
  } catch {
    return null;
  }
}
