import { closeSync, openSync, readSync } from 'node:fs';
import { BridgeError, COUNTERS } from '../bridge.js';
import { crc32c } from '../crc32c.js';
import { ioError } from './errors.js';
import { bundlesInUnit, type PreparedLayer, unitRange } from './layer.js';

/** What `use` makes of an open file, which is closed then. Throws IO. */
export function withFile<T>(path: string, use: (file: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw ioError(error, path);
  }
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** Reads units through the page cache, one plain read per extent. Checks every segment the first time it is seen. */
export class UnitReader {
  readonly #paths: string[];
  readonly #files: number[] = [];
  readonly #counters: Float64Array;

  constructor(paths: string[], counters: Float64Array) {
    this.#paths = paths;
    this.#counters = counters;
    for (const path of paths) {
      try {
        this.#files.push(openSync(path, 'r'));
      } catch (error) {
        this.close();
        throw ioError(error, path);
      }
    }
  }

  /** Fills `slot` with a unit. Throws CORRUPT or IO; the slot then holds nothing of use. */
  read(prepared: PreparedLayer, unit: number, slot: Uint8Array): void {
    const { layer } = prepared;
    const first = unit * layer.bundlesPerUnit;
    const bundles = bundlesInUnit(prepared, unit);
    layer.extents.forEach((extent, e) => {
      const range = unitRange(prepared, e, unit);
      if (range === null) return;
      const { file, from, bytes, payload, inSlot } = range;
      const path = this.#paths[file];
      const got = readRange(this.#files[file], path, slot, inSlot, bytes, from);
      if (got < bytes) {
        const bundle = first + Math.floor(got / extent.stride);
        throw new BridgeError(
          'CORRUPT',
          `${path} ends at byte ${from + got}, inside layer ${prepared.index}, bundle ${bundle}`,
          {
            path,
            offset: from + got,
            layer: prepared.index,
            bundle,
          },
        );
      }
      this.#counters[COUNTERS.payloadBytes] += payload;
      this.#counters[COUNTERS.deviceBytes] += bytes;
      this.#counters[COUNTERS.records]++;
    });
    if (layer.checksums !== null) for (let b = 0; b < bundles; b++) this.#verify(prepared, first + b, b, slot);
  }

  #verify(
    { index, layer, slotLayout, verified }: PreparedLayer,
    bundle: number,
    inUnit: number,
    slot: Uint8Array,
  ): void {
    const { segments, extents, checksums } = layer;
    for (let s = layer.residentPart === null ? 0 : 1; s < segments.length; s++) {
      const at = bundle * segments.length + s;
      if (verified[at] === 1) continue;
      const { extent, offset, bytes } = segments[s];
      const { file, stride, offset: fileOffset } = extents[extent];
      const area = slotLayout.areas[extent];
      const start = area.offset + inUnit * stride + offset - area.skip;
      if (crc32c(slot, 0, start, start + bytes) !== checksums![at]) {
        const path = this.#paths[file];
        const damaged = fileOffset + bundle * stride + offset;
        throw new BridgeError(
          'CORRUPT',
          `${path}: layer ${index}, bundle ${bundle} at byte ${damaged} does not match its checksum`,
          {
            path,
            offset: damaged,
            layer: index,
            bundle,
          },
        );
      }
      verified[at] = 1;
    }
  }

  /** Fills `slot` with `bytes` of a file from `offset` on. Throws CORRUPT or IO. */
  readRun(file: number, offset: number, bytes: number, slot: Uint8Array): void {
    const path = this.#paths[file];
    const got = readRange(this.#files[file], path, slot, 0, bytes, offset);
    if (got < bytes)
      throw new BridgeError('CORRUPT', `${path} ends at byte ${offset + got}, inside a matrix`, {
        path,
        offset: offset + got,
      });
    this.#counters[COUNTERS.payloadBytes] += bytes;
    this.#counters[COUNTERS.deviceBytes] += bytes;
    this.#counters[COUNTERS.records]++;
  }

  pathOf(file: number): string {
    return this.#paths[file];
  }

  close(): void {
    for (const file of this.#files.splice(0)) closeSync(file);
  }
}

/** Reads up to `bytes` at `position`; fewer only where the file ends. Throws IO. */
export function readRange(
  file: number,
  path: string,
  into: Uint8Array,
  intoOffset: number,
  bytes: number,
  position: number,
): number {
  let got = 0;
  while (got < bytes) {
    try {
      const piece = readSync(file, into, intoOffset + got, Math.min(bytes - got, 2 ** 30), position + got);
      if (piece === 0) break;
      got += piece;
    } catch (error) {
      throw ioError(error, path, position + got);
    }
  }
  return got;
}
