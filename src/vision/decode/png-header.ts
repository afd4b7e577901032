import { exifOrientation } from './exif.js';
import type { Orientation, PictureHeader } from './picture.js';
import { damagedPicture, unsupported } from './refusals.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const IHDR_BYTES = 13;
/** Length, type and checksum of a chunk. */
const FRAME_BYTES = 12;

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, at) => bytes[at] === byte);

/** A chunk of a PNG: its type, its data, and all of it with length and checksum. */
export interface PngChunk {
  type: string;
  data: Uint8Array;
  whole: Uint8Array;
}

/** Encoders make chunks of at least 8 kB. Millions of empty ones would take gigabytes of objects. */
const MOST_CHUNKS = 2 ** 16;

/**
 * The chunks in order, up to IEND. Throws CORRUPT where the file ends before, UNSUPPORTED for more than MOST_CHUNKS of
 * them.
 */
export function* pngChunks(bytes: Uint8Array, where: string): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let chunks = 0;
  for (let at = SIGNATURE.length; ; ) {
    if (++chunks > MOST_CHUNKS)
      throw unsupported(where, `has more than ${MOST_CHUNKS} chunks, which no picture needs; save it anew`);
    if (at + FRAME_BYTES > bytes.length) throw damagedPicture(where, `ends at byte ${bytes.length}, before its end`);
    const length = view.getUint32(at);
    const end = at + FRAME_BYTES + length;
    if (end > bytes.length) throw damagedPicture(where, `ends at byte ${bytes.length}, before its end`);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    yield { type, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) };
    if (type === 'IEND') return;
    at = end;
  }
}

/** What a PNG's header says. `depth` is bits of a sample, `colour` the PNG's own number of the kind of colours. */
export interface PngHeader extends PictureHeader {
  kind: 'png';
  depth: number;
  colour: number;
  interlaced: boolean;
}

/** Depths that a kind of colours may have (PNG, 11.2.1). */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Throws CORRUPT. */
export function pngHeader(bytes: Uint8Array, where: string): PngHeader {
  let orientation: Orientation = 1;
  let header: Uint8Array | null = null;
  for (const { type, data } of pngChunks(bytes, where)) {
    if (header === null) {
      if (type !== 'IHDR' || data.length !== IHDR_BYTES) throw damagedPicture(where, 'does not begin with its header');
      header = data;
    } else if (type === 'IHDR') throw damagedPicture(where, 'has two headers');
    else if (type === 'eXIf') orientation = exifOrientation(data);
  }
  const view = new DataView(header!.buffer, header!.byteOffset, IHDR_BYTES);
  const [depth, colour, compression, filter, interlace] = header!.subarray(8);
  if (!DEPTHS[colour]?.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1)
    throw damagedPicture(
      where,
      `says colours ${colour}, depth ${depth}, compression ${compression}, filter ${filter}, interlace ${interlace}, which no PNG has`,
    );
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  return { kind: 'png', width, height, orientation, depth, colour, interlaced: interlace === 1 };
}
