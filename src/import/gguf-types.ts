import type { TensorFormat } from './tensor-format.js';

/** GGML's type ids (ggml.h). Messages also name the types that flashrow cannot read. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  30: 'BF16',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
  42: 'Q2_0',
};

const FORMATS: Readonly<Record<string, TensorFormat>> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  Q8_0: 'q8_0',
  Q4_0: 'q4_0',
  Q4_1: 'q4_1',
  Q4_K: 'q4_K',
  Q5_K: 'q5_K',
  Q6_K: 'q6_K',
  MXFP4: 'mxfp4',
  Q5_0: 'q5_0',
  Q5_1: 'q5_1',
  Q2_K: 'q2_K',
  Q3_K: 'q3_K',
  IQ4_NL: 'iq4_nl',
  IQ4_XS: 'iq4_xs',
  IQ2_XXS: 'iq2_xxs',
  IQ2_XS: 'iq2_xs',
  IQ3_XXS: 'iq3_xxs',
  IQ1_S: 'iq1_s',
  IQ3_S: 'iq3_s',
  IQ2_S: 'iq2_s',
  IQ1_M: 'iq1_m',
  TQ1_0: 'tq1_0',
  TQ2_0: 'tq2_0',
  NVFP4: 'nvfp4',
  Q1_0: 'q1_0',
  Q2_0: 'q2_0',
};

/** GGML's names of the block types that flashrow can read. */
export const GGML_BLOCKS: readonly string[] = Object.keys(FORMATS).filter((name) => !/^B?F\d/.test(name));

/** Tables of whole numbers, whose bits are kept as they are: those of floats take as many. */
const TABLE = /\.ffn_gate_tid2eid\.weight$/;

/** `tensor` is the name of the tensor that is of the type. */
export function ggmlType(id: number, tensor: string): { name: string; format: TensorFormat | null } {
  const name = NAMES[id] ?? `number ${id}`;
  if (TABLE.test(tensor)) return { name, format: name === 'I32' ? 'f32' : null };
  return { name, format: FORMATS[name] ?? null };
}
