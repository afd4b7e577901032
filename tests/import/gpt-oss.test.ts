import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openHuggingFace } from '../../dist/src/import/hugging-face.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { expertMatrix } from '../../dist/src/store/write/expert-matrix.js';
import {
  bytes,
  CONFIG,
  EXPERT,
  EXPERTS,
  floats,
  HIDDEN,
  LAYER,
  NEURONS,
  PACKED,
  type Tensors,
  UNPACKED,
  writeGptOss,
} from '../support/tiny-gpt-oss.js';
import { safetensors, type TensorHeader } from '../support/tiny-hugging-face.js';
import { expectFailure, scratchFolder } from './support.js';

const folder = scratchFolder();
let folders = 0;

function write(tensors: Tensors, config: object = CONFIG) {
  const path = join(folder, `model-${folders++}`);
  mkdirSync(path);
  return { path, data: writeGptOss(path, tensors, config) };
}

/** Scale and nibble of weight `column` of a row of the stack, as transformers unpacks it. */
function weightOf(data: Map<string, Buffer>, name: string, row: number, column: number, columns: number): number[] {
  const byte = data.get(`${EXPERT}${name}_blocks`)![(row * columns + column) >> 1];
  const scale = data.get(`${EXPERT}${name}_scales`)![(row * columns + column) >> 5];
  return [scale, column % 2 === 0 ? byte & 15 : byte >> 4];
}

/** The same of weight `index` in GGML's blocks: a scale, then weights i and i + 16 in byte i. */
function inBlocks(blocks: Uint8Array, index: number): number[] {
  const block = 17 * (index >> 5);
  const byte = blocks[block + 1 + (index & 15)];
  return [blocks[block], index & 16 ? byte >> 4 : byte & 15];
}

const bf16 = (data: Buffer, index: number) =>
  new Float32Array(Uint32Array.of(data.readUInt16LE(2 * index) << 16).buffer)[0];

function reading<T>(use: (reader: TensorReader) => T): T {
  const reader = new TensorReader();
  try {
    return use(reader);
  } finally {
    reader.close();
  }
}

/** Rows of ours, how many of the file's rows an expert has, and which of them is row `r`. */
const PARTS = [
  ['gate', 'gate_up_proj', NEURONS, HIDDEN, 2 * NEURONS, (r: number) => 2 * r],
  ['up', 'gate_up_proj', NEURONS, HIDDEN, 2 * NEURONS, (r: number) => 2 * r + 1],
  ['down', 'down_proj', HIDDEN, NEURONS, HIDDEN, (r: number) => r],
] as const;

describe('gpt-oss in safetensors', () => {
  it.each(PARTS)('holds %s in MXFP4 within %s, bit for bit', (part, name, rows, columns, sourceRows, rowOf) => {
    const { path, data } = write(PACKED);
    const stack = openHuggingFace(path).tensors.get(`layers.0.${part}`)!;
    expect(stack).toMatchObject({ format: 'mxfp4', shape: [EXPERTS, rows, columns] });
    expect(stack.bytes).toBe((EXPERTS * rows * columns * 17) / 32);
    reading((reader) => {
      for (let expert = 0; expert < EXPERTS; expert++) {
        const found = reader.readRows(expertMatrix(stack, expert), 0, rows);
        for (let i = 0; i < rows * columns; i++) {
          const row = expert * sourceRows + rowOf(Math.floor(i / columns));
          expect(inBlocks(found, i)).toEqual(weightOf(data, name, row, i % columns, columns));
        }
      }
    });
  });

  it.each(PARTS)('holds %s as floats within %s, column by column', (part, name, rows, columns, sourceRows, rowOf) => {
    const { path, data } = write(UNPACKED, { ...CONFIG, quantization_config: undefined });
    const stack = openHuggingFace(path).tensors.get(`layers.0.${part}`)!;
    expect(stack).toMatchObject({ format: 'bf16', shape: [EXPERTS, rows, columns] });
    reading((reader) => {
      for (let expert = 0; expert < EXPERTS; expert++) {
        const found = reader.readFloats(expertMatrix(stack, expert), 0, rows);
        for (let i = 0; i < found.length; i++) {
          const index = (expert * columns + (i % columns)) * sourceRows + rowOf(Math.floor(i / columns));
          expect(found[i]).toBe(bf16(data.get(EXPERT + name)!, index));
        }
      }
    });
  });

  it.each([
    ['MXFP4', PACKED],
    ['floats', UNPACKED],
  ])('gives any stretch of a tensor of %s as the same bytes', (_, tensors) => {
    const { path } = write(tensors);
    const found = openHuggingFace(path).tensors;
    reading((reader) => {
      for (const name of ['gate', 'up', 'down', 'gateBias', 'upBias', 'downBias']) {
        const tensor = found.get(`layers.0.${name}`)!;
        const whole = Buffer.from(reader.readBytes(tensor, 0, tensor.bytes));
        for (const [start, length] of [
          [1, 1],
          [16, 19],
          [tensor.bytes / 3 - 5, 40],
          [tensor.bytes - 37, 37],
        ].map((range) => range.map(Math.floor)))
          expect(whole.subarray(start, start + length).equals(reader.readBytes(tensor, start, length)), name).toBe(
            true,
          );
      }
    });
  });

  it('has the biases of gate and up by turns', () => {
    const { path, data } = write(PACKED);
    const { tensors } = openHuggingFace(path);
    const biases = data.get(`${EXPERT}gate_up_proj_bias`)!;
    reading((reader) => {
      for (const [name, turn] of [
        ['gateBias', 0],
        ['upBias', 1],
      ] as const) {
        const tensor = tensors.get(`layers.0.${name}`)!;
        expect(tensor.shape).toEqual([EXPERTS * NEURONS]);
        const expected = Array.from({ length: EXPERTS * NEURONS }, (_, i) => bf16(biases, 2 * i + turn));
        expect([...reader.readFloats(tensor, 0, 1)]).toEqual(expected);
      }
    });
  });

  it.each<[string, RegExp, Tensors]>([
    ['scales missing', /"model.layers.0.mlp.experts.down_proj_scales" is missing/, without('down_proj_scales')],
    ['blocks missing', /"model.layers.0.mlp.experts.gate_up_proj_blocks" is missing/, without('gate_up_proj_blocks')],
    ['a bias missing', /"model.layers.0.mlp.experts.gate_up_proj_bias" is missing/, without('gate_up_proj_bias')],
    [
      'blocks of fewer experts',
      /gate_up_proj_blocks" is of shape \[2, 64, 2, 16\]; \[3, 64, 2, 16\] was expected/,
      { ...PACKED, [`${EXPERT}gate_up_proj_blocks`]: bytes(EXPERTS - 1, 2 * NEURONS, HIDDEN / 32, 16) },
    ],
    [
      'scales of another shape',
      /down_proj_scales" is of shape \[3, 32, 1\]; \[3, 64, 1\] was expected/,
      { ...PACKED, [`${EXPERT}down_proj_scales`]: bytes(EXPERTS, NEURONS, 1) },
    ],
    [
      'a router of fewer experts',
      /router.weight" is of shape \[2, 64\]; \[3, 64\] was expected/,
      { ...PACKED, [`${LAYER}mlp.router.weight`]: floats(EXPERTS - 1, HIDDEN) },
    ],
  ])('is CORRUPT with %s', (_, message, tensors) => {
    expectFailure('CORRUPT', message, () => openHuggingFace(write(tensors).path));
  });

  it('is UNSUPPORTED with blocks that are not bytes, and with a tensor that has no place', () => {
    const blocks = `${EXPERT}down_proj_blocks`;
    expectFailure('UNSUPPORTED', /down_proj_blocks" is of type F32; MXFP4 as U8 was expected/, () =>
      openHuggingFace(write({ ...PACKED, [blocks]: { ...PACKED[blocks], dtype: 'F32' } }).path),
    );
    expectFailure('UNSUPPORTED', /gate_up_proj_zeros" has no place/, () =>
      openHuggingFace(write({ ...PACKED, [`${EXPERT}gate_up_proj_zeros`]: bytes(1) }).path),
    );
  });

  it.each<[string, RegExp, object]>([
    ['more experts used than there are', /"num_experts_per_tok" is 4, but there are 3/, { num_experts_per_tok: 4 }],
    ['another number of experts', /is of shape \[3, 64\]; \[5, 64\] was expected/, { num_local_experts: 5 }],
    ['the older name of experts used', /"experts_per_token" is 9/, { num_experts_per_tok: null, experts_per_token: 9 }],
    ['no number of experts', /"num_local_experts" is missing/, { num_local_experts: null }],
  ])('is CORRUPT with a configuration that names %s', (_, message, change) => {
    expectFailure('CORRUPT', message, () => openHuggingFace(write(PACKED, { ...CONFIG, ...change }).path));
  });

  it('is CORRUPT where the bytes of a tensor do not fit its shape', () => {
    const { path, data } = write(PACKED);
    const name = `${EXPERT}down_proj_scales`;
    const header: TensorHeader = { [name]: { ...PACKED[name], data_offsets: [0, data.get(name)!.length - 1] } };
    writeFileSync(join(path, 'model.safetensors'), safetensors(header));
    expectFailure('CORRUPT', /takes 191 bytes; U8 of shape \[3, 64, 1\] takes 192/, () => openHuggingFace(path));
  });
});

function without(name: string): Tensors {
  return Object.fromEntries(Object.entries(PACKED).filter(([other]) => other !== EXPERT + name));
}
