import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type OpenFile, readExactly } from '../disk/files.js';
import { FlashrowError } from '../errors.js';

const START_BYTES = 512;

const LATIN = (text: string) => Buffer.from(text, 'latin1');
const begins =
  (...starts: string[]) =>
  (bytes: Buffer): boolean =>
    starts.some((start) => bytes.subarray(0, start.length).equals(LATIN(start)));
const matches = (pattern: RegExp) => (bytes: Buffer) => pattern.test(bytes.toString('latin1'));

const ELSEWHERE = 'get the model as safetensors or GGUF';

/** What stands in the place of a file of any kind, by its first bytes, and what to say of it. */
const STAND_INS: readonly [is: (start: Buffer) => boolean, problem: string][] = [
  [
    begins('version https://git-lfs.github.com/spec'),
    'is a Git LFS pointer, which stands for the real file; fetch that with git lfs pull in its folder',
  ],
  [matches(/^\s*<(!doctype|html|\?xml)/i), 'is a web page, not the file that it was to be; fetch the file itself'],
];

/** What is given for a GGUF file. */
const OTHER_FORMATS: typeof STAND_INS = [
  [
    begins('lmgg', 'fmgg', 'tjgg', 'algg'),
    'is of an old GGML format, which GGUF replaced in 2023; get the model as GGUF',
  ],
  [
    (start) => start.subarray(4, 9).equals(LATIN('\0\0\0\0{')),
    'is a safetensors file; give the folder that it is in, with config.json and tokenizer.json',
  ],
  [matches(/^\s*[{[]/), 'is a JSON file; give the folder that it is in'],
  [begins('PK\x03\x04', '\x80\x02', '\x80\x03', '\x80\x04'), `is of PyTorch or an archive; ${ELSEWHERE}`],
  [begins('\x89HDF'), `is of Keras or TensorFlow; ${ELSEWHERE}`],
  [begins('\x1f\x8b', '\x28\xb5\x2f\xfd', '\xfd7zXZ', '7z\xbc\xaf', 'BZh'), 'is compressed; unpack it'],
];

/** What is wrong with a file that was given for a GGUF file; null for nothing known. */
export function oddFile(start: Uint8Array, bytes: number): string | null {
  if (bytes === 0) return 'is empty; fetch it again';
  return standIn(start) ?? OTHER_FORMATS.find(([is]) => is(Buffer.from(start)))?.[1] ?? null;
}

function standIn(start: Uint8Array): string | null {
  const first = Buffer.from(start.subarray(0, START_BYTES));
  return STAND_INS.find(([is]) => is(first))?.[1] ?? null;
}

/** The first bytes of an open file. */
export function startOf(file: OpenFile): Uint8Array {
  const start = new Uint8Array(Math.min(file.size, START_BYTES));
  readExactly(file, 0, start);
  return start;
}

/** Throws UNSUPPORTED for a file that only stands in the place of the one that is meant. */
export function refuseStandIn(path: string, start: Uint8Array): void {
  const problem = standIn(start);
  if (problem !== null) throw new FlashrowError('UNSUPPORTED', `${path} ${problem}`, { path });
}

/**
 * Names of pieces, as split(1) and those who used it have made them: .gguf-split-a, .gguf.part1of2, .gguf.001,
 * .gguf.part-00, .gguf.aa.
 */
const PIECE = /^(?<stem>.+?)(?<kind>[-.]split-?|\.part-?|\.)(?<number>[a-z]{1,2}|\d{1,4})(?<count>(?:of|-of-)\d+)?$/i;

/** The pieces that a file was cut into, in order, where its name is that of one; empty where it is not. */
function piecesOf(path: string): string[] {
  const own = PIECE.exec(basename(path))?.groups;
  // A part of llama.cpp's own ends in .gguf.
  if (own === undefined || !/\.gguf/i.test(own.stem)) return [];
  return readdirSync(dirname(path))
    .filter((name) => {
      const other = PIECE.exec(name)?.groups;
      return other?.stem === own.stem && other.kind === own.kind && other.count === own.count;
    })
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Throws UNSUPPORTED for a file that is a plain piece of another one. */
export function refusePiece(path: string): void {
  const pieces = piecesOf(path);
  if (pieces.length === 0) return;
  const { stem } = PIECE.exec(basename(path))!.groups!;
  const others = pieces.length > 1 ? '' : '; the other pieces are not beside it, so fetch them first';
  throw new FlashrowError(
    'UNSUPPORTED',
    `${path} is one piece of a file that was cut; join the pieces in order, as in: cat ${pieces.join(' ')} > ${stem}${others}`,
    { path: join(dirname(path), pieces[0]) },
  );
}
