import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { Packr } from '#msgpackr';
import { freeBytes } from '../disk/free-bytes.js';
import { FlashrowError } from '../errors.js';
import { askedBytes, bitmapsOf, DECODE, PROMPT, TRACE_FORMAT, TRACE_VERSION, type TraceHeader } from './trace.js';

const packr = new Packr({ useRecords: false });

/**
 * Writes a trace (trace.ts) while a model runs. A call sets a bit per unit in a bitmap that exists beforehand; a pass
 * is one small write. An aborted generation leaves the passes that it finished. Where no pass was finished, or a write
 * failed, no file stays. Throws NOT_WRITABLE (an existing file is never written over), DISK_FULL or IO.
 */
export class TraceWriter {
  readonly #file: number;
  readonly #asked: Buffer;
  /** The bitmap of each layer inside `asked`. */
  readonly #bitmaps: Uint8Array[];
  #phase: typeof PROMPT | typeof DECODE = PROMPT;
  #tokens = 0;
  #passes = 0;
  #failed = false;

  readonly #path: string;

  constructor(path: string, { model, selector, layers }: TraceHeader) {
    this.#path = path;
    this.#asked = Buffer.alloc(askedBytes(layers));
    this.#bitmaps = bitmapsOf(layers, this.#asked);
    try {
      this.#file = openSync(path, 'wx');
    } catch (error) {
      throw writeError(path, error);
    }
    try {
      this.#write({ format: TRACE_FORMAT, version: TRACE_VERSION, model, selector, layers });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** `tokens` tokens together ask one layer for the first `count` of `units`. */
  ask(layer: number, units: Uint32Array, count: number, tokens: number): void {
    const bitmap = this.#bitmaps[layer];
    bitmap.fill(0);
    for (let i = 0; i < count; i++) bitmap[units[i] >> 3] |= 1 << (units[i] & 7);
    this.#tokens = tokens;
  }

  /** Writes the pass; every layer has been asked. An unfinished pass is forgotten when the next one begins. */
  endPass(): void {
    this.#write([this.#phase, this.#tokens, this.#asked]);
    this.#passes += 1;
  }

  /** The passes after this are generated tokens. */
  endPrompt(): void {
    this.#phase = DECODE;
  }

  close(): void {
    closeSync(this.#file);
    if (this.#passes === 0 || this.#failed) rmSync(this.#path, { force: true });
  }

  #write(value: unknown): void {
    const bytes = packr.pack(value);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      this.#failed = true;
      throw writeError(this.#path, error);
    }
  }
}

function writeError(path: string, error: unknown): FlashrowError {
  const { code = 'IO', message } = error as NodeJS.ErrnoException;
  const failed = (kind: 'NOT_WRITABLE' | 'IO', advice: string) =>
    new FlashrowError(kind, `cannot write the trace ${path}: ${advice}`, { path, errno: code }, { cause: error });
  if (code === 'EEXIST') return failed('NOT_WRITABLE', 'this file exists already; remove it or choose another name');
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code)) {
    const advice = `cannot write the trace ${path}: the disk is full; make room. What was recorded is removed`;
    const details = { path, neededBytes: 0, freeBytes: freeBytes(path) };
    return new FlashrowError('DISK_FULL', advice, details, { cause: error });
  }
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'EISDIR', 'ENAMETOOLONG'].includes(code))
    return failed('NOT_WRITABLE', `${message}; choose a place that can be written`);
  return failed('IO', message);
}
