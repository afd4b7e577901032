import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Picture, type PictureHeader, plainPicture } from './picture.js';
import { damagedPicture, unsupported } from './refusals.js';

/** TJPF_RGB, as turbojpeg.h numbers the orders of samples. */
const RGB = 0;

/** The part of WebAssembly that is used; Node's types leave it to those of browsers. */
interface Compiled {
  readonly compiled: unique symbol;
}
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (code: Uint8Array) => Compiled;
    Instance: new (module: Compiled, imports: Record<string, Record<string, () => unknown>>) => { exports: unknown };
  };
};

/** What is called of libjpeg-turbo's TurboJPEG API. Numbers are addresses in its memory. */
interface TurboJpeg {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  tjInitDecompress(): number;
  /** 0 where all is well. */
  tjDecompress2(
    handle: number,
    file: number,
    fileBytes: number,
    into: number,
    width: number,
    rowBytes: number,
    height: number,
    order: number,
    flags: number,
  ): number;
}

let compiled: Compiled | null = null;

/**
 * libjpeg-turbo, as WebAssembly from the package @cwasm/jpeg-turbo. Each picture gets an instance of its own: its
 * memory goes with it, and a damaged file leaves nothing behind.
 */
function instance(): TurboJpeg {
  if (compiled === null) {
    const folder = dirname(createRequire(import.meta.url).resolve('@cwasm/jpeg-turbo/package.json'));
    compiled = new WebAssembly.Module(readFileSync(join(folder, 'jpeg-turbo.wasm')));
  }
  const fails = () => {
    throw new Error('the file is damaged');
  };
  const env = { setjmp: () => 0, longjmp: fails };
  const system = { environ_sizes_get: () => 0, environ_get: fails, proc_exit: fails, fd_close: fails };
  const made = new WebAssembly.Instance(compiled, {
    env,
    wasi_snapshot_preview1: { ...system, fd_seek: fails, fd_write: fails },
  });
  return made.exports as TurboJpeg;
}

/** The marker before a scan. Within the data of one, a 0xff has a 0 behind it. */
const SCAN = Buffer.from([0xff, 0xda]);
/** As libjpeg-turbo's own tools have it: each scan goes through all of the picture, however small it is. */
const MOST_SCANS = 500;

function checkScans(bytes: Uint8Array, where: string): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let scans = 0;
  for (let at = file.indexOf(SCAN); at >= 0; at = file.indexOf(SCAN, at + 2))
    if (++scans > MOST_SCANS)
      throw unsupported(where, `has more than ${MOST_SCANS} scans, which no picture needs; save it anew`);
}

/**
 * The pixels as libjpeg-turbo gives them to Pillow, too. Grey becomes RGB. Throws CORRUPT, UNSUPPORTED for more than
 * MOST_SCANS scans.
 */
export function decodeJpeg(bytes: Uint8Array, { width, height }: PictureHeader, where: string): Picture {
  checkScans(bytes, where);
  const turbo = instance();
  const allocate = (size: number) => {
    const address = turbo.malloc(size);
    if (address === 0) throw damagedPicture(where, `takes more memory than ${width} x ${height} pixels should`);
    return address;
  };
  const file = allocate(bytes.length);
  new Uint8Array(turbo.memory.buffer, file, bytes.length).set(bytes);
  const size = 3 * width * height;
  const into = allocate(size);
  let status: number;
  try {
    status = turbo.tjDecompress2(turbo.tjInitDecompress(), file, bytes.length, into, width, 3 * width, height, RGB, 0);
  } catch {
    status = -1;
  }
  if (status !== 0) throw damagedPicture(where, 'cannot be decoded as a JPEG');
  return plainPicture(width, height, new Uint8Array(turbo.memory.buffer, into, size));
}
