/*
 * Models split over several GGUF files by llama.cpp's tools/gguf-split. Part k of n has the name
 * `<name>-0000k-of-0000n.gguf`. Its metadata holds `split.no` (from 0), `split.count`, and `split.tensors.count` for
 * all parts together.
 */
import { basename, dirname, join } from 'node:path';
import { kindOf } from '../disk/files.js';
import { FlashrowError } from '../errors.js';
import type { Fields } from '../model/fields.js';

const PART_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** All parts of a split model, in order, from the path of one. Other paths are returned alone. Throws NOT_FOUND. */
export function splitPaths(path: string): string[] {
  const [, name, number, of] = PART_NAME.exec(basename(path)) ?? [];
  const count = Number(of);
  if (name === undefined || count < 2 || Number(number) < 1 || Number(number) > count) return [path];
  const paths = Array.from({ length: count }, (_, index) => {
    const part = `${index + 1}`.padStart(5, '0');
    return join(dirname(path), `${name}-${part}-of-${of}.gguf`);
  });
  const missing = paths.find((part) => kindOf(part) !== 'file');
  if (missing !== undefined)
    throw new FlashrowError(
      'NOT_FOUND',
      `${missing} is missing; it is one of ${count} parts of a model; fetch it too`,
      {
        path: missing,
      },
    );
  return paths;
}

/** Throws CORRUPT unless the metadata makes a file part `index` (from 0) of `count`, UNSUPPORTED for a renamed part. */
export function checkSplit(metadata: Fields, index: number, count: number): void {
  const said = metadata.raw('split.count') ?? 0;
  if (count === 1 && (said === 0 || said === 1)) return;
  if (count === 1)
    throw metadata.unsupported(
      'split.count',
      `is ${String(said)}, but the file's name is not the name of a part, such as name-00001-of-0000n.gguf`,
    );
  if (said !== count) throw metadata.corrupt('split.count', `is ${String(said)}; the names of the parts say ${count}`);
  const number = metadata.raw('split.no');
  if (number !== index)
    throw metadata.corrupt('split.no', `is ${String(number)}; its name makes it number ${index}, counted from 0`);
}

/** Throws CORRUPT unless the parts hold the number of tensors that the first part states. */
export function checkSplitTensors(metadata: Fields, found: number, count: number): void {
  const said = metadata.raw('split.tensors.count');
  if (count > 1 && said !== found)
    throw metadata.corrupt('split.tensors.count', `is ${String(said)}; the parts hold ${found} tensors`);
}
