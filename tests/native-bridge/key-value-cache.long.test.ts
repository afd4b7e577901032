import { afterAll, describe, expect, it } from 'vitest';
import { BridgeError, type KeyValueCache, type KeyValueCacheOptions } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { keyValuePageBytes } from '../../dist/native-bridge/memory.js';
import { bits, firstBeyond, ISAS, Random, thrownBy } from './support.js';

type Shape = Pick<KeyValueCacheOptions, 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim'>;

const SHAPES: Shape[] = [
  { numAttentionHeads: 4, numKeyValueHeads: 4, headDim: 8 },
  { numAttentionHeads: 6, numKeyValueHeads: 2, headDim: 80 },
  { numAttentionHeads: 8, numKeyValueHeads: 1, headDim: 64 },
  { numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 5 },
];

type Format = KeyValueCacheOptions['format'];

/**
 * Vectors of `size` as a format holds them: multiples of the largest value's 127th or 32767th, quotients in float32.
 */
function kept(values: Float32Array, size: number, format: Format): number[] {
  if (format === 'f32') return [...values];
  const most = format === 'i8' ? 127 : 32767;
  return Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size)).flatMap(
    (vector) => {
      const step = Math.fround(Math.max(...vector.map(Math.abs)) / most);
      return Array.from(vector, (value) => (step > 0 ? nearestEven(Math.fround(value / step)) * step : 0));
    },
  );
}

/** The nearest integer; of two, the even one. */
const nearestEven = (value: number) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

/** What a layer may have beside plain attention: positions seen, and a logit for each head. */
interface Traits {
  window: number;
  sinks: Float32Array | null;
  softCap: number;
  /** Positions of a block; a token sees some of them alone, as `sees` says. 0: it sees all. */
  blockSize?: number;
}
const PLAIN: Traits = { window: 0, sinks: null, softCap: 0 };

/** Every token sees its own block, and of the others two in three, which differ from token to token. */
const sees = (position: number, block: number, blockSize: number) =>
  block === Math.floor(position / blockSize) || (block + position) % 3 !== 0;

/**
 * Attention of the query at `position` by its definition, over whole histories k and v [positions, numKeyValueHeads *
 * headDim].
 */
function naiveAttention(
  shape: Shape,
  { window, sinks, softCap, blockSize = 0 }: Traits,
  q: Float32Array,
  k: number[],
  v: number[],
  position: number,
): Float64Array {
  const { numAttentionHeads, numKeyValueHeads, headDim } = shape;
  const width = numKeyValueHeads * headDim;
  const out = new Float64Array(numAttentionHeads * headDim);
  for (let head = 0; head < numAttentionHeads; head++) {
    const shared = Math.floor((head * numKeyValueHeads) / numAttentionHeads) * headDim;
    const weights = Array.from({ length: position + 1 }, (_, p) => {
      if (window > 0 && position - p >= window) return 0;
      if (blockSize > 0 && !sees(position, Math.floor(p / blockSize), blockSize)) return 0;
      let score = 0;
      for (let i = 0; i < headDim; i++) score += q[head * headDim + i] * k[p * width + shared + i];
      const logit = score / Math.sqrt(headDim);
      return Math.exp(softCap > 0 ? softCap * Math.tanh(logit / softCap) : logit);
    });
    const total = weights.reduce((a, b) => a + b) + (sinks ? Math.exp(sinks[head]) : 0);
    for (let i = 0; i < headDim; i++)
      for (let p = 0; p <= position; p++) out[head * headDim + i] += (weights[p] / total) * v[p * width + shared + i];
  }
  return out;
}

describe.each(ISAS)('the key-value cache on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());

  /** A cache and the history that it ought to hold. */
  class Watched {
    readonly cache: KeyValueCache;
    readonly k: number[] = [];
    readonly v: number[] = [];
    constructor(
      readonly shape: Shape,
      readonly format: Format,
      readonly random: Random,
      readonly traits = PLAIN,
    ) {
      const { window, sinks, softCap } = traits;
      const heads = shape.numAttentionHeads;
      const both = new Float32Array(2 * heads);
      if (sinks) both.set(sinks, heads);
      this.cache = bridge.createKeyValueCache({
        ...shape,
        format,
        numLayers: 2,
        contextSize: 400,
        ...(window > 0 && { windows: Uint32Array.of(0, window) }),
        ...(sinks && { sinks: both }),
        ...(softCap > 0 && { softCap }),
      });
    }

    /** Bytes of a page: keys and values of 64 positions, with their scales. */
    get pageBytes(): number {
      const vector = { f32: 4, i16: 2, i8: 1 }[this.format] * this.shape.headDim + (this.format === 'f32' ? 0 : 4);
      return 2 * 64 * this.shape.numKeyValueHeads * vector;
    }

    /** Appends to layer 1, attends, compares every token with the definition. */
    step(position: number, tokens: number): void {
      const { shape, traits, random, format } = this;
      const width = shape.numKeyValueHeads * shape.headDim;
      const [k, v] = [random.floats(tokens * width), random.floats(tokens * width, 2)];
      this.k.splice(position * width, Infinity, ...kept(k, shape.headDim, format));
      this.v.splice(position * width, Infinity, ...kept(v, shape.headDim, format));
      this.cache.append(1, position, tokens, k, v);
      const size = shape.numAttentionHeads * shape.headDim;
      const q = random.floats(tokens * size, 3);
      const out = new Float32Array(tokens * size);
      const { blockSize = 0 } = traits;
      if (blockSize > 0) {
        const blocks = Math.ceil((position + tokens) / blockSize);
        const seen = Uint8Array.from({ length: tokens * blocks }, (_, i) =>
          sees(position + Math.floor(i / blocks), i % blocks, blockSize) ? 1 : 0,
        );
        this.cache.attend(1, position, tokens, q, out, seen, blockSize);
        expect(() => this.cache.attend(1, position, tokens, q, out, seen.subarray(1), blockSize)).toThrow(BridgeError);
      } else this.cache.attend(1, position, tokens, q, out);
      for (let t = 0; t < tokens; t++) {
        const expected = naiveAttention(
          shape,
          traits,
          q.subarray(t * size, (t + 1) * size),
          this.k,
          this.v,
          position + t,
        );
        const actual = out.subarray(t * size, (t + 1) * size);
        expect(firstBeyond(actual, expected, 2e-5), `position ${position + t}`).toBeNull();
      }
    }
  }

  describe.each(SHAPES)('$numAttentionHeads heads over $numKeyValueHeads of $headDim', (shape) => {
    it.each(['f32', 'i16', 'i8'] as const)('attends in %s to the blocks that a token sees', (format) => {
      const sinks = new Float32Array(shape.numAttentionHeads).fill(0.5);
      for (const traits of [
        { ...PLAIN, blockSize: 4 },
        { window: 20, sinks, softCap: 5, blockSize: 7 },
      ]) {
        const watched = new Watched(shape, format, new Random(62), traits);
        let position = 0;
        for (const tokens of [1, 5, 70, 1, 16, 1]) {
          watched.step(position, tokens);
          position += tokens;
        }
        watched.cache.dispose();
      }
    });

    it.each(['f32', 'i16', 'i8'] as const)(
      'attends in %s as the definition says, within a page and across pages',
      (format) => {
        const watched = new Watched(shape, format, new Random(61));
        let position = 0;
        for (const tokens of [1, 1, 5, 56, 1, 1, 30, 70, 1]) {
          watched.step(position, tokens);
          position += tokens;
        }
        watched.cache.dispose();
      },
    );

    it.each([
      ['a window of one', 1, false, 0],
      ['a window within a page', 40, false, 0],
      ['a window over pages', 100, false, 0],
      ['sinks', 0, true, 0],
      ['sinks and a window', 70, true, 0],
      ['capped logits', 0, false, 1.5],
      ['capped logits, sinks and a window', 70, true, 1.5],
    ])('attends with %s as the definition says', (_, window, hasSinks, softCap) => {
      for (const format of ['f32', 'i16', 'i8'] as const) {
        const random = new Random(63);
        const sinks = hasSinks ? random.floats(shape.numAttentionHeads, 2) : null;
        const watched = new Watched(shape, format, random, { window, sinks, softCap });
        let position = 0;
        for (const tokens of [1, 5, 56, 1, 1, 30, 70, 1, 130, 1]) {
          watched.step(position, tokens);
          position += tokens;
        }
        watched.cache.dispose();
      }
    });

    it.each(['i16', 'i8'] as const)('forgets what was truncated and takes new positions in its place: %s', (format) => {
      const watched = new Watched(shape, format, new Random(62));
      watched.step(0, 150);
      for (const length of [149, 128, 100, 64, 63, 1, 0]) {
        watched.cache.truncate(1, length);
        watched.step(length, 3);
        watched.step(length + 3, 64);
      }
      watched.cache.dispose();
    });
  });

  it.each(['f32', 'i16', 'i8'] as const)('attends in %s over a window whose pages alone are held', (format) => {
    const shape = { numAttentionHeads: 6, numKeyValueHeads: 2, headDim: 80 };
    const watched = new Watched(shape, format, new Random(64), { window: 70, sinks: null, softCap: 0 });
    let position = 0;
    for (const tokens of [100, 30, 1, 64, 1, 1, 90, 60, 3]) {
      watched.cache.drop(1, 0, Math.max(0, position + 1 - 70));
      watched.step(position, tokens);
      position += tokens;
      // Pages are whole: those of the window, of the pass, and of what lies in both ends of them.
      expect(watched.cache.bytes).toBeLessThanOrEqual((Math.ceil((70 + tokens) / 64) + 1) * watched.pageBytes);
    }
    watched.cache.truncate(1, 340);
    watched.step(340, 5);
    watched.cache.dispose();
  });

  it('takes the memory of dropped pages for new ones', () => {
    const shape = { numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 8 };
    const watched = new Watched(shape, 'i16', new Random(65), { window: 64, sinks: null, softCap: 0 });
    watched.step(0, 200);
    watched.cache.drop(1, 70, 192);
    expect(watched.cache.bytes).toBe(3 * watched.pageBytes);
    watched.cache.drop(1, 0, 64);
    expect(watched.cache.bytes).toBe(2 * watched.pageBytes);
    watched.cache.drop(1, 0, 400);
    expect(watched.cache.bytes).toBe(watched.pageBytes);
    for (const [position, tokens] of [
      [200, 1],
      [199, 1],
      [255, 1],
    ])
      expect(thrownBy(() => watched.step(position, tokens)).code).toBe('USAGE');
    watched.cache.truncate(1, 100);
    expect(thrownBy(() => watched.step(100, 1)).code).toBe('USAGE');
    watched.cache.truncate(1, 0);
    expect(watched.cache.bytes).toBe(0);
    watched.step(0, 130);
    watched.cache.dispose();
  });

  it('attends to some blocks as if the pages that no token sees were held', () => {
    const shape = { numAttentionHeads: 4, numKeyValueHeads: 1, headDim: 16 };
    for (const format of ['f32', 'i16'] as const) {
      const random = new Random(68);
      const twin = openBridge({ isa: 'ts', threads: 1 });
      const [k, q] = [random.floats(400 * 16), random.floats(3 * 64)];
      const seen = new Uint8Array(3 * 400);
      for (let token = 0; token < 3; token++)
        for (const position of [...Array(30).keys(), 250 + token, 256, 397 + token]) seen[token * 400 + position] = 1;
      const answers = [bridge, bridge, twin].map((one, i) => {
        const cache = one.createKeyValueCache({ ...shape, format, numLayers: 1, contextSize: 400, sharedValueDim: 16 });
        cache.append(0, 0, 400, k, k);
        if (i > 0) cache.drop(0, 64, 192);
        const out = new Float32Array(3 * 64);
        cache.attend(0, 397, 3, q, out, seen, 1);
        if (i > 0) expect(thrownBy(() => cache.attend(0, 397, 3, q, out)).code).toBe('USAGE');
        cache.dispose();
        return out;
      });
      expect(bits(answers[1])).toEqual(bits(answers[0]));
      expect(firstBeyond(answers[2], Float64Array.from(answers[0]), 2e-5)).toBeNull();
      // A token by itself has the bits that it has among others.
      const cache = bridge.createKeyValueCache({
        ...shape,
        format,
        numLayers: 1,
        contextSize: 400,
        sharedValueDim: 16,
      });
      cache.append(0, 0, 400, k, k);
      const alone = new Float32Array(64);
      cache.attend(0, 398, 1, q.subarray(64, 128), alone, seen.subarray(400, 799), 1);
      expect(bits(alone)).toEqual(bits(answers[0].subarray(64, 128)));
      cache.dispose();
      twin.dispose();
    }
  });

  it('holds pages of 64 positions, taken when first written, given back when empty', () => {
    const shape = { numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 16 };
    for (const [format, vectorBytes] of [
      ['i8', 16 + 4],
      ['i16', 2 * 16 + 4],
      ['f32', 4 * 16],
    ] as const) {
      const cache = bridge.createKeyValueCache({ ...shape, format, numLayers: 3, contextSize: 300 });
      const page = 2 * 64 * 2 * vectorBytes;
      const vectors = new Float32Array(200 * 32);
      expect(cache.bytes).toBe(0);
      cache.append(0, 0, 1, vectors, vectors);
      expect(cache.bytes).toBe(page);
      cache.append(0, 1, 63, vectors, vectors);
      expect(cache.bytes).toBe(page);
      cache.append(0, 64, 136, vectors, vectors);
      cache.append(2, 0, 65, vectors, vectors);
      expect(cache.bytes).toBe((4 + 2) * page);
      for (let layer = 0; layer < 3; layer++) cache.truncate(layer, 128);
      expect(cache.bytes).toBe((2 + 2) * page);
      for (let layer = 0; layer < 3; layer++) cache.truncate(layer, 64);
      expect(cache.bytes).toBe(2 * page);
      for (let layer = 0; layer < 3; layer++) cache.truncate(layer, 0);
      expect(cache.bytes).toBe(0);
      cache.dispose();
    }
  });

  it.each(['f32', 'i16', 'i8'] as const)(
    'copies what a layer holds to another one, which then goes on by itself: %s',
    (format) => {
      const random = new Random(66);
      const shape = { numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 16 };
      const cache = bridge.createKeyValueCache({ ...shape, format, numLayers: 2, contextSize: 300 });
      const [k, v, q] = [random.floats(200 * 32), random.floats(200 * 32), random.floats(64)];
      cache.append(0, 0, 200, k, v);
      cache.append(1, 0, 300, new Float32Array(9600), new Float32Array(9600));
      cache.copy(0, 1, 150);
      const attended = (layer: number, position: number) => {
        const out = new Float32Array(64);
        cache.attend(layer, position, 1, q, out);
        return bits(out);
      };
      const expected = attended(0, 149);
      expect(attended(1, 149)).toEqual(expected);
      expect(thrownBy(() => attended(1, 150)).code).toBe('USAGE');
      cache.append(0, 100, 1, v, k);
      expect(attended(1, 149)).toEqual(expected);
      expect(attended(0, 149)).not.toEqual(expected);
      cache.drop(0, 0, 128);
      cache.copy(0, 1, 1000);
      expect(thrownBy(() => attended(1, 199)).code).toBe('USAGE');
      expect(thrownBy(() => cache.copy(0, 0, 10)).code).toBe('USAGE');
      expect(thrownBy(() => cache.copy(0, 2, 10)).code).toBe('USAGE');
      cache.dispose();
    },
  );

  it.each(['f32', 'i16', 'i8'] as const)('saves pages that another cache, also the twin, takes up: %s', (format) => {
    const random = new Random(67);
    const shape = { numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 16, sharedValueDim: undefined };
    for (const sharedValueDim of [undefined, 12]) {
      const options = { ...shape, format, sharedValueDim, numLayers: 1, contextSize: 150 };
      const cache = bridge.createKeyValueCache(options);
      const twin = openBridge({ isa: 'ts', threads: 1 });
      const others = [bridge, twin].map((one) => one.createKeyValueCache(options));
      const [k, v, q] = [random.floats(140 * 32), random.floats(140 * 32), random.floats(64)];
      cache.append(0, 0, 140, k, v);
      const expected = new Float32Array(64);
      cache.attend(0, 139, 1, q, expected);
      const page = new Uint8Array(keyValuePageBytes(options));
      for (const other of others) {
        for (const number of [2, 0, 1]) {
          cache.savePage(0, number, page);
          other.loadPage(0, number, page);
        }
        const out = new Float32Array(64);
        other.attend(0, 149, 1, q, out);
        other.truncate(0, 140);
        other.attend(0, 139, 1, q, out);
        expect(firstBeyond(out, [...expected], 2e-5)).toBeNull();
        for (const call of [
          () => other.loadPage(0, 3, page),
          () => other.loadPage(1, 0, page),
          () => other.loadPage(0, 0, page.subarray(1)),
          () => other.savePage(0, 3, page),
          () => other.savePage(0, 0, page.subarray(1)),
        ])
          expect(thrownBy(call).code, String(call)).toBe('USAGE');
        other.dispose();
      }
      twin.dispose();
      cache.dispose();
    }
  });

  it('keeps layers apart', () => {
    const shape = { numAttentionHeads: 1, numKeyValueHeads: 1, headDim: 8 };
    const cache = bridge.createKeyValueCache({ ...shape, format: 'f32', numLayers: 3, contextSize: 70 });
    for (const layer of [2, 0, 1])
      cache.append(layer, 0, 70, new Float32Array(560), new Float32Array(560).fill(layer + 1));
    const out = new Float32Array(8);
    for (const layer of [0, 1, 2]) {
      cache.attend(layer, 69, 1, new Float32Array(8).fill(1), out);
      expect(firstBeyond(out, new Array(8).fill(layer + 1), 1e-6)).toBeNull();
    }
    cache.dispose();
  });

  it('does not overflow where scores are large', () => {
    const shape = { numAttentionHeads: 1, numKeyValueHeads: 1, headDim: 8 };
    const cache = bridge.createKeyValueCache({ ...shape, format: 'f32', numLayers: 1, contextSize: 8 });
    const [k, v] = [new Float32Array(24), new Float32Array(24)];
    k.fill(1000, 8, 16);
    v.fill(7, 8, 16);
    cache.append(0, 0, 3, k, v);
    const out = new Float32Array(8);
    cache.attend(0, 2, 1, new Float32Array(8).fill(1000), out);
    expect([...out]).toEqual(new Array(8).fill(7));
    cache.dispose();
  });

  it.each(['i16', 'i8'] as const)('gives the same bits for any number of threads, and token by token: %s', (format) => {
    const random = new Random(63);
    const shape = { numAttentionHeads: 12, numKeyValueHeads: 4, headDim: 48 };
    const [k, v, q] = [random.floats(200 * 192), random.floats(200 * 192), random.floats(200 * 576)];
    const results = [1, 2, 3].flatMap((threads) => {
      const other = openBridge({ isa, threads });
      const cache = other.createKeyValueCache({ ...shape, format, numLayers: 1, contextSize: 200 });
      cache.append(0, 0, 200, k, v);
      const together = new Float32Array(200 * 576);
      cache.attend(0, 0, 200, q, together);
      const apart = new Float32Array(200 * 576);
      cache.truncate(0, 0);
      for (let t = 0; t < 200; t++) {
        cache.append(0, t, 1, k.subarray(t * 192), v.subarray(t * 192));
        cache.attend(0, t, 1, q.subarray(t * 576), apart.subarray(t * 576));
      }
      cache.dispose();
      other.dispose();
      return [bits(together), bits(apart)];
    });
    expect(results.every((result) => result.equals(results[0]))).toBe(true);
  });

  it('refuses positions beyond the context, positions never written, and short buffers', () => {
    const options = {
      numAttentionHeads: 2,
      numKeyValueHeads: 1,
      headDim: 8,
      numLayers: 1,
      contextSize: 100,
      format: 'i16',
    } as const;
    const cache = bridge.createKeyValueCache(options);
    const [k, q] = [new Float32Array(101 * 8), new Float32Array(101 * 16)];
    cache.append(0, 0, 10, k, k);
    for (const call of [
      () => cache.append(0, 95, 6, k, k),
      () => cache.append(0, 0, 101, k, k),
      () => cache.append(1, 0, 1, k, k),
      () => cache.append(0, -1, 1, k, k),
      () => cache.append(0, 10, 2, k.subarray(0, 15), k),
      () => cache.append(0, 10, 2, k, k.subarray(0, 15)),
      () => cache.attend(0, 95, 6, q, q.slice()),
      () => cache.attend(0, 10, 1, q, q.slice()),
      () => cache.truncate(1, 0),
      () => cache.truncate(0, -1),
      () => cache.drop(1, 0, 5),
      () => cache.drop(0, -1, 5),
      () => cache.attend(0, 70, 1, q, q.slice()),
      () => cache.attend(0, 0, 2, q.subarray(0, 31), q.slice()),
      () => cache.attend(0, 0, 2, q, new Float32Array(31)),
      () => bridge.createKeyValueCache({ ...options, numKeyValueHeads: 0 }),
      () => bridge.createKeyValueCache({ ...options, numAttentionHeads: 3, numKeyValueHeads: 2 }),
      () => bridge.createKeyValueCache({ ...options, format: 'q8_0' as never }),
      () => bridge.createKeyValueCache({ ...options, windows: new Uint32Array(options.numLayers + 1) }),
      () => bridge.createKeyValueCache({ ...options, sinks: new Float32Array(1) }),
      () => bridge.createKeyValueCache({ ...options, softCap: -1 }),
      () => bridge.createKeyValueCache({ ...options, softCap: Number.NaN }),
    ]) {
      const error = thrownBy(call);
      expect(error, String(call)).toBeInstanceOf(BridgeError);
      expect(error.code, String(call)).toBe('USAGE');
    }
    cache.dispose();
    cache.dispose();
    expect(thrownBy(() => cache.append(0, 0, 1, k, k)).code).toBe('USAGE');
  });
});
