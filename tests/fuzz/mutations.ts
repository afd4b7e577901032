import fc from 'fast-check';

/**
 * What may happen to a file on its way: a byte changed, an end cut off, a number driven to its extreme, a part lost,
 * doubled or filled.
 */
type Mutation =
  | { kind: 'byte'; at: number; value: number }
  | { kind: 'cut'; at: number }
  | { kind: 'number'; at: number; value: bigint; bytes: 1 | 2 | 4 | 8; littleEndian: boolean }
  | { kind: 'lose' | 'double'; at: number; length: number }
  | { kind: 'fill'; at: number; length: number; value: number };

/**
 * Places as shares of the file, more of them near its start, where headers are. (fast-check's doubles would nearly all
 * be 0.)
 */
const share = fc.nat(999_999).map((millionths) => millionths / 1e6);
const place = fc.oneof(
  share,
  share.map((at) => at / 20),
);
const EXTREMES = [
  0n,
  1n,
  127n,
  128n,
  255n,
  2n ** 15n,
  2n ** 16n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: place, value: fc.nat(255) }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({
    kind: fc.constant('number' as const),
    at: place,
    value: fc.constantFrom(...EXTREMES),
    bytes: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
    littleEndian: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom('lose' as const, 'double' as const),
    at: place,
    length: fc.integer({ min: 1, max: 64 }),
  }),
  fc.record({
    kind: fc.constant('fill' as const),
    at: place,
    length: fc.integer({ min: 1, max: 32 }),
    value: fc.nat(255),
  }),
);

/** One to four of them, one after another. */
export const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

export const mutate = (bytes: Buffer, list: readonly Mutation[]): Buffer => list.reduce(applied, bytes);

function applied(bytes: Buffer, one: Mutation): Buffer {
  const at = Math.floor(one.at * bytes.length);
  switch (one.kind) {
    case 'cut':
      return bytes.subarray(0, at);
    case 'lose':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + one.length)]);
    case 'double':
      return Buffer.concat([bytes.subarray(0, at + one.length), bytes.subarray(at)]);
    case 'fill':
      return Buffer.from(bytes).fill(one.value, at, Math.min(at + one.length, bytes.length));
    case 'byte':
      return Buffer.from(bytes).fill(one.value, at, Math.min(at + 1, bytes.length));
    case 'number': {
      const copy = Buffer.from(bytes);
      for (let i = 0; i < one.bytes && at + i < copy.length; i++) {
        const byte = Number((one.value >> BigInt(8 * i)) & 255n);
        copy[at + (one.littleEndian ? i : Math.min(one.bytes, copy.length - at) - 1 - i)] = byte;
      }
      return copy;
    }
  }
}

/** A value of a document, and what takes its place. */
export interface Damage {
  path: readonly string[];
  value: unknown;
}

/**
 * Any one of a document's values, however deep: replaced by any JSON, or by numbers and texts that are likely to hurt.
 */
export function damageTo(document: unknown): fc.Arbitrary<Damage> {
  // What is no object at all, mutated bytes try.
  const paths = pathsOf(document).filter((path) => path.length > 0);
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      -1,
      0,
      0.5,
      1e9,
      2 ** 31,
      2 ** 53,
      1e308,
      '',
      '\u0000',
      '__proto__',
      null,
      true,
      [],
      {},
      'x'.repeat(5000),
    ),
  );
  return fc.record({ path: fc.constantFrom(...paths), value });
}

export const damaged = (document: unknown, { path, value }: Damage): unknown => replaced(document, path, value);

/** Of long lists only the first and the last entries: the others are like them. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Object.keys(value);
  const some = keys.length > 40 ? [...keys.slice(0, 20), ...keys.slice(-20)] : keys;
  return [path, ...some.flatMap((key) => pathsOf((value as Record<string, unknown>)[key], [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], replacement: unknown): unknown {
  if (key === undefined) return replacement;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, replacement);
  return copy;
}
