import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFile } from '../../dist/src/disk/files.js';
import { readGgufHeader } from '../../dist/src/import/gguf-header.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { FlashrowError } from '../../dist/src/index.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

const MODELS = [
  ...['lfm2moe', 'gemma4-moe', 'gemma4-e', 'qwen35', 'qwen35moe', 'qwen3next', 'qwen3next-old', 'qwen4exp', 'glm4moe'],
  ...['deepseek2', 'deepseek2-glm', 'deepseek2-lite', 'deepseek2-old', 'deepseek4', 'minimax-m2', 'mistral3'],
  ...['smollm3', 'nemotron_h_moe', 'nemotron_h_moe-latent', 'granitehybrid', 'granitehybrid-moe'],
  ...['bailingmoe2', 'ernie4_5-moe'],
];

/** Types of metadata: whole numbers, floats, flags, lists. */
const [U32, I32, F32, BOOL, LIST, U64] = [4, 5, 6, 7, 9, 10];
const SIZES: Readonly<Record<number, number>> = { [U32]: 4, [I32]: 4, [F32]: 4, [BOOL]: 1, [U64]: 8 };

/** Bytes that take the place of others in a file's header. */
interface Change {
  what: string;
  /** The tensor that they are about. */
  tensor?: string;
  at: number;
  bytes: number[];
}

/** Where a name stands in the header, its length before it. */
function placeOf(header: Buffer, name: string): number {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(name)));
  return header.indexOf(Buffer.concat([length, Buffer.from(name)])) + length.length;
}

const renamed = (name: string, at: number): Change => ({
  what: `without ${name}`,
  at: at + name.length - 1,
  bytes: [name.endsWith('X') ? 0x59 : 0x58],
});

/** A key that is missing; whose value is 0, and all ones; of another type; in lists, the first and the last one. */
function keyChanges(header: Buffer, key: string): Change[] {
  const start = placeOf(header, key);
  const typeAt = start + key.length;
  const type = header.readUInt32LE(typeAt);
  const filled = (what: string, at: number, size: number, byte: number): Change => ({
    what: `${key} ${what}`,
    at,
    bytes: new Array<number>(size).fill(byte),
  });
  const changes = [renamed(key, start)];
  if (type === LIST) {
    const size = SIZES[header.readUInt32LE(typeAt + 4)];
    const [first, count] = [typeAt + 16, Number(header.readBigUInt64LE(typeAt + 8))];
    if (!size) return changes;
    const last = first + (count - 1) * size;
    changes.push(filled('that begins with ones', first, size, 0xff), filled('that ends in ones', last, size, 0xff));
    changes.push(filled('of zeros', first, size * count, 0));
  } else if (SIZES[type]) {
    changes.push(filled('of ones', typeAt + 4, SIZES[type], 0xff), filled('of zeros', typeAt + 4, SIZES[type], 0));
    if (type === U32) changes.push({ what: `${key} as a float`, at: typeAt, bytes: [F32] });
    if (type === F32) changes.push({ what: `${key} as a whole number`, at: typeAt, bytes: [U32] });
  }
  return changes;
}

/** A tensor that is missing; with rows one longer, or one shorter; with one less of its last axis; of another type. */
function tensorChanges(header: Buffer, name: string): Change[] {
  const start = placeOf(header, name);
  const sizesAt = start + name.length + 4;
  const axes = header.readUInt32LE(sizesAt - 4);
  const size = (axis: number, by: number): Change => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(header.readBigInt64LE(sizesAt + axis * 8) + BigInt(by));
    return { what: `${name} whose axis ${axis} is ${by} longer`, at: sizesAt + axis * 8, bytes: [...bytes] };
  };
  const type: Change = { what: `${name} of 64-bit integers`, at: sizesAt + axes * 8, bytes: [27, 0, 0, 0] };
  const changes = [renamed(name, start), size(0, 1), size(0, -1), size(axes - 1, -1), type];
  return changes.map((change) => ({ ...change, tensor: name }));
}

/** Blocks that predict further tokens are left alone, whatever is in them. */
function isRun(tensor: string, metadata: ReadonlyMap<string, unknown>): boolean {
  const of = (suffix: string) => Number(metadata.get(`${metadata.get('general.architecture')}.${suffix}`) ?? 0);
  const block = Number(/^blk\.(\d+)\./.exec(tensor)?.[1] ?? -1);
  return block < of('block_count') - of('nextn_predict_layers');
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-damaged-headers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!haveTiny2026)(`a GGUF file with a damaged header${withoutTiny2026}`, () => {
  it.each(MODELS)('%s is refused by name, or is as good as before', (model) => {
    const path = writeTiny(folder, { model, type: 'f32', seed: 1, shape: 'a' });
    const { metadata, tensors, headerBytes } = withFile(path, readGgufHeader);
    const header = readFileSync(path).subarray(0, headerBytes);
    const own = [...metadata.keys()].filter((key) => !/^(general|tokenizer)\./.test(key));
    const changes = [
      ...own.flatMap((key) => keyChanges(header, key)),
      ...tensors.flatMap(({ name }) => tensorChanges(header, name)),
    ];
    const opened: Change[] = [];
    const file = openSync(path, 'r+');
    try {
      for (const change of changes) {
        const { what, at, bytes } = change;
        writeSync(file, Buffer.from(bytes), 0, bytes.length, at);
        try {
          openCheckpoint(path);
          opened.push(change);
        } catch (error) {
          expect(error, what).toBeInstanceOf(FlashrowError);
          const { code, message } = error as FlashrowError;
          expect(['CORRUPT', 'UNSUPPORTED'], `${what}: ${message}`).toContain(code);
          expect(message, what).toMatch(/"[\w.-]+"/);
        } finally {
          writeSync(file, header, at, bytes.length, at);
        }
      }
    } finally {
      closeSync(file);
    }
    // No change of a tensor that the model computes with is passed over.
    expect(opened.filter(({ tensor }) => tensor && isRun(tensor, metadata)).map(({ what }) => what)).toEqual([]);
    openCheckpoint(path);
  });
});
