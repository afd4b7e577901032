import { type Cipher, createCipheriv, createHash } from 'node:crypto';
import { floatToHalf } from '../../native-bridge/blocks.js';
import { FORMATS, type RowFormat } from '../../native-bridge/formats.js';

/** Standard deviations of a uniform nibble and of a uniform signed byte. */
const NIBBLE_DEVIATION = Math.sqrt((16 ** 2 - 1) / 12);
const BYTE_DEVIATION = Math.sqrt((256 ** 2 - 1) / 12);
/** The same of two bits and of three. */
const PAIR_DEVIATION = Math.sqrt((4 ** 2 - 1) / 12);
const TRIPLE_DEVIATION = Math.sqrt((8 ** 2 - 1) / 12);
/** Root mean square of IQ4's table, and of a uniform nibble. */
const IQ4_DEVIATION = 69;
const NIBBLE_SIZE = Math.sqrt((15 * 31) / 6);
/** Root mean square of a uniform six-bit number, and of E2M1's values. */
const SIX_BITS = Math.sqrt((63 * 127) / 6);
const E2M1_DEVIATION = Math.sqrt(8.5625);
/** Root mean square of numbers spread evenly over [1, 2). */
const UNIT_OCTAVE = Math.sqrt(7 / 3);
const NIBBLE_MIDDLE = 7.5;
const SIGN = 0x8000;

/**
 * Weights as the blocks of a checkpoint hold them. Every quant and mantissa bit is random (AES-256 in counter mode over
 * the seed). Nothing repeats, so that neither a file system nor a disk can deduplicate or compress them. The same seed
 * gives the same weights.
 */
export class RandomWeights {
  readonly #cipher: Cipher;
  #zeros = Buffer.alloc(0);

  constructor(seed: number) {
    const key = createHash('sha256').update(`flashrow random weights ${seed}`).digest();
    this.#cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)) as Cipher;
  }

  /**
   * `bytes` of whole blocks of `format`. Over rows of `columns`, inputs of unit variance give outputs of unit variance.
   */
  next(format: RowFormat, columns: number, bytes: number): Uint8Array {
    const random = this.#bytes(bytes);
    const deviation = 1 / Math.sqrt(columns);
    const halves = new Uint16Array(random.buffer, random.byteOffset, bytes >> 1);
    const step = FORMATS[format].blockBytes >> 1;
    switch (format) {
      case 'f32':
        setExponents(new Uint32Array(random.buffer, random.byteOffset, bytes >> 2), deviation, 23, 127);
        break;
      case 'f16':
        setExponents(halves, deviation, 10, 15);
        break;
      case 'q8_0':
        setScales(halves, 0, step, floatToHalf(deviation / BYTE_DEVIATION), SIGN);
        break;
      case 'q4_1':
        setScales(halves, 0, step, floatToHalf(deviation / NIBBLE_DEVIATION), 0);
        setScales(halves, 1, step, floatToHalf((-NIBBLE_MIDDLE * deviation) / NIBBLE_DEVIATION), 0);
        break;
      case 'q4_0':
        setScales(halves, 0, step, floatToHalf(deviation / NIBBLE_DEVIATION), SIGN);
        break;
      case 'bf16':
        setExponents(halves, deviation, 7, 127);
        break;
      case 'q5_0':
        setScales(halves, 0, step, floatToHalf(deviation / (2 * NIBBLE_DEVIATION)), SIGN);
        break;
      case 'q5_1':
        setScales(halves, 0, step, floatToHalf(deviation / (2 * NIBBLE_DEVIATION)), 0);
        setScales(halves, 1, step, floatToHalf((-NIBBLE_MIDDLE * deviation) / NIBBLE_DEVIATION), 0);
        break;
      case 'q2_K':
        setScales(halves, step - 2, step, floatToHalf(deviation / PAIR_DEVIATION / NIBBLE_SIZE), 0);
        setScales(halves, step - 1, step, floatToHalf((1.5 * deviation) / PAIR_DEVIATION / NIBBLE_SIZE), 0);
        break;
      case 'q3_K':
        setScales(halves, step - 1, step, floatToHalf(deviation / TRIPLE_DEVIATION / (4 * NIBBLE_DEVIATION)), SIGN);
        break;
      case 'iq4_nl':
        setScales(halves, 0, step, floatToHalf(deviation / IQ4_DEVIATION), SIGN);
        break;
      case 'iq4_xs':
        setScales(halves, 0, step, floatToHalf(deviation / IQ4_DEVIATION / (4 * NIBBLE_DEVIATION)), SIGN);
        break;
      case 'q4_K':
        setScales(halves, 0, step, floatToHalf(deviation / NIBBLE_DEVIATION / SIX_BITS), 0);
        setScales(halves, 1, step, floatToHalf((NIBBLE_MIDDLE * deviation) / NIBBLE_DEVIATION / SIX_BITS), 0);
        break;
      case 'q5_K':
        setScales(halves, 0, step, floatToHalf(deviation / (2 * NIBBLE_DEVIATION) / SIX_BITS), 0);
        setScales(halves, 1, step, floatToHalf((NIBBLE_MIDDLE * deviation) / NIBBLE_DEVIATION / SIX_BITS), 0);
        break;
      case 'q6_K':
        setScales(halves, step - 1, step, floatToHalf(deviation / (4 * NIBBLE_DEVIATION) / BYTE_DEVIATION), SIGN);
        break;
      default:
        setFewBitScales(format, random, deviation);
    }
    return random;
  }

  /** `count` floats of a norm, in [0.5, 1); below 0 where they are to be `negative`. */
  norm(count: number, negative = false): Uint8Array {
    const random = this.#bytes(4 * count);
    const words = new Uint32Array(random.buffer, random.byteOffset, count);
    for (let i = 0; i < count; i++) words[i] = (words[i] & 0x7fffff) | ((126 + (negative ? 256 : 0)) << 23);
    return random;
  }

  #bytes(count: number): Uint8Array {
    if (this.#zeros.length < count) this.#zeros = Buffer.alloc(count);
    const random = this.#cipher.update(this.#zeros.subarray(0, count));
    return random.byteOffset % 4 === 0 ? random : Uint8Array.from(random);
  }
}

/** The scales of blocks of few bits and of grids. */
function setFewBitScales(format: RowFormat, random: Uint8Array, deviation: number): void {
  const halves = new Uint16Array(random.buffer, random.byteOffset, random.length >> 1);
  const step = FORMATS[format].blockBytes >> 1;
  switch (format) {
    case 'mxfp4':
      for (let at = 0; at < random.length; at += FORMATS.mxfp4.blockBytes)
        random[at] = 127 + Math.round(Math.log2(deviation / E2M1_DEVIATION));
      break;
    case 'nvfp4':
      // Four scales a block; those of a whole tensor would bring them nearer to 1.
      for (let at = 0; at < random.length; at += FORMATS.nvfp4.blockBytes)
        random.fill(e4m3Near(deviation / E2M1_DEVIATION), at, at + 4);
      break;
    case 'iq1_m':
      // The half's four bits each stand above the last four words.
      for (let i = step - 4, bits = floatToHalf(deviation / 6); i < halves.length; i += step)
        for (let k = 0; k < 4; k++) halves[i + k] = (halves[i + k] & 0xfff) | (((bits >> (4 * k)) & 15) << 12);
      break;
    case 'tq1_0':
    case 'tq2_0':
      setScales(halves, step - 1, step, floatToHalf(deviation), SIGN);
      break;
    case 'iq2_xxs':
    case 'iq2_xs':
    case 'iq2_s':
    case 'iq3_xxs':
      // Levels of about 20, under scales of about 2 or 4.
      setScales(halves, 0, step, floatToHalf(deviation / (format === 'iq3_xxs' ? 100 : 45)), SIGN);
      break;
    case 'iq3_s':
      setScales(halves, 0, step, floatToHalf(deviation / 145), SIGN);
      break;
    case 'iq1_s':
      setScales(halves, 0, step, floatToHalf(deviation / 6), SIGN);
      break;
    case 'q1_0':
    case 'q2_0':
      setScales(halves, 0, step, floatToHalf(deviation), SIGN);
      break;
  }
}

/** A byte of E4M3 near a number below 2^-6, where it counts steps of 2^-9; at least one of them. */
const e4m3Near = (value: number) => Math.max(1, Math.round(value * 512));

/** Keeps signs and mantissas, and gives all numbers the exponent that comes nearest to `deviation`. */
function setExponents(words: Uint16Array | Uint32Array, deviation: number, mantissaBits: number, bias: number): void {
  const exponent = Math.round(Math.log2(deviation / UNIT_OCTAVE)) + bias;
  const kept = (2 ** (8 * words.BYTES_PER_ELEMENT - 1) + 2 ** mantissaBits - 1) | 0;
  const set = exponent << mantissaBits;
  for (let i = 0; i < words.length; i++) words[i] = (words[i] & kept) | set;
}

/** Quants without a minimum are not centred (-8 to 7). Scales of random sign centre the weights. */
function setScales(halves: Uint16Array, first: number, step: number, bits: number, kept: number): void {
  for (let i = first; i < halves.length; i += step) halves[i] = (halves[i] & kept) | bits;
}
