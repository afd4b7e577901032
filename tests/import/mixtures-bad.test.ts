import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../dist/src/errors.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { type Entry, type Gguf, type Tensor, TYPES, tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { safetensors, type TensorHeader, TINY_CONFIG, tinyHeader, writeJson } from '../support/tiny-hugging-face.js';
import { expectFailure, failure, scratchFolder } from './support.js';

const folder = scratchFolder();
const [HIDDEN, NEURONS, EXPERTS] = [8, 12, 4];
let files = 0;

/**
 * tinyLlama with four experts, two of which each token takes; a tensor of `changes` replaces one of its name, null
 * takes it away.
 */
function tinyMixtral(entries: Record<string, number | null> = {}, changes: Record<string, number[] | null> = {}): Gguf {
  const llama = tinyLlama();
  const known: Record<string, number[] | null> = {
    'blk.0.ffn_gate.weight': null,
    'blk.0.ffn_up.weight': null,
    'blk.0.ffn_down.weight': null,
    'blk.0.ffn_gate_inp.weight': [HIDDEN, EXPERTS],
    'blk.0.ffn_gate_exps.weight': [HIDDEN, NEURONS, EXPERTS],
    'blk.0.ffn_up_exps.weight': [HIDDEN, NEURONS, EXPERTS],
    'blk.0.ffn_down_exps.weight': [NEURONS, HIDDEN, EXPERTS],
    ...changes,
  };
  const sizes = { 'llama.expert_count': EXPERTS, 'llama.expert_used_count': 2, ...entries };
  return {
    ...llama,
    entries: [
      ...llama.entries.filter(([key]) => !(key in sizes)),
      ...Object.entries(sizes).flatMap(([key, value]): Entry[] => (value === null ? [] : [[key, TYPES.u32, value]])),
    ],
    tensors: [
      ...llama.tensors.filter(({ name }) => !((name as string) in known)),
      ...Object.entries(known).flatMap(([name, dimensions]): Tensor[] =>
        dimensions ? [{ name, dimensions, type: 0, bytes: 4 * dimensions.reduce((a, b) => a * b) }] : [],
      ),
    ],
  };
}

function open(file: Buffer) {
  const path = join(folder, `mixture-${files++}.gguf`);
  writeFileSync(path, file);
  return openCheckpoint(path);
}

describe('a mixture of experts in a GGUF file', () => {
  it('opens when it is sound', () => {
    const { spec, tensors } = open(writeGguf(tinyMixtral()).file);
    expect(spec.experts).toMatchObject({ numExperts: EXPERTS, numExpertsPerToken: 2, intermediateSize: NEURONS });
    expect(tensors.get('layers.0.down')!.shape).toEqual([EXPERTS, HIDDEN, NEURONS]);
  });

  it.each<[string, ErrorCode, RegExp, Parameters<typeof tinyMixtral>]>([
    [
      'more experts in the metadata than in the tensors',
      'CORRUPT',
      /"blk.0.ffn_gate_inp.weight" is of shape \[4, 8\]; \[6, 8\] was expected/,
      [{ 'llama.expert_count': 6 }],
    ],
    [
      'fewer experts in one stack than in the metadata',
      'CORRUPT',
      /"blk.0.ffn_down_exps.weight" is of shape \[3, 8, 12\]; \[4, 8, 12\] was expected/,
      [{}, { 'blk.0.ffn_down_exps.weight': [NEURONS, HIDDEN, 3] }],
    ],
    [
      'experts of another size than the metadata says',
      'CORRUPT',
      /"blk.0.ffn_gate_exps.weight" is of shape \[4, 12, 8\]; \[4, 16, 8\] was expected/,
      [{ 'llama.expert_feed_forward_length': 16 }],
    ],
    [
      'a stack missing',
      'CORRUPT',
      /"blk.0.ffn_up_exps.weight" is missing; a shape of \[4, 12, 8\] was expected/,
      [{}, { 'blk.0.ffn_up_exps.weight': null }],
    ],
    [
      'the first stack missing',
      'CORRUPT',
      /"blk.0.ffn_down_exps.weight" is missing; a mixture of experts has one/,
      [{}, { 'blk.0.ffn_down_exps.weight': null }],
    ],
    [
      'a matrix in place of a stack',
      'CORRUPT',
      /"blk.0.ffn_down_exps.weight" is of shape \[8, 48\]; it should be a stack/,
      [{}, { 'blk.0.ffn_down_exps.weight': [NEURONS * EXPERTS, HIDDEN] }],
    ],
    ['no router', 'CORRUPT', /"blk.0.ffn_gate_inp.weight" is missing/, [{}, { 'blk.0.ffn_gate_inp.weight': null }]],
    [
      'a router that is turned',
      'CORRUPT',
      /"blk.0.ffn_gate_inp.weight" is of shape \[8, 4\]; \[4, 8\] was expected/,
      [{}, { 'blk.0.ffn_gate_inp.weight': [EXPERTS, HIDDEN] }],
    ],
    [
      'more experts used than there are',
      'CORRUPT',
      /"llama.expert_used_count" is 5, but there are 4 experts/,
      [{ 'llama.expert_used_count': 5 }],
    ],
    [
      'no number of experts used',
      'CORRUPT',
      /"llama.expert_used_count" is missing/,
      [{ 'llama.expert_used_count': null }],
    ],
    ['no experts used', 'CORRUPT', /"llama.expert_used_count" is 0/, [{ 'llama.expert_used_count': 0 }]],
    ['too many experts', 'CORRUPT', /"llama.expert_count" is 70000; no router/, [{ 'llama.expert_count': 70000 }]],
    [
      'no layer with experts',
      'CORRUPT',
      /"llama.leading_dense_block_count" is 1; it should be a whole number from 0 to 0/,
      [{ 'llama.leading_dense_block_count': 1 }],
    ],
    [
      'biases that the architecture has no place for',
      'UNSUPPORTED',
      /"blk.0.ffn_up_exps.bias" has no place/,
      [{}, { 'blk.0.ffn_up_exps.bias': [NEURONS, EXPERTS] }],
    ],
  ])('is refused with %s', (_, code, message, changes) => {
    expectFailure(code, message, () => open(writeGguf(tinyMixtral(...changes)).file));
  });

  it('is CORRUPT when cut anywhere, and names the stack that lies beyond the end', () => {
    const { file, headerBytes } = writeGguf(tinyMixtral());
    for (let length = 4; length < file.length; length += length < headerBytes ? 7 : 61)
      expect(failure(() => open(file.subarray(0, length))).code, `cut to ${length} bytes`).toBe('CORRUPT');
    expectFailure('CORRUPT', /"blk.0.ffn_down_exps.weight" should lie at bytes \d+ to \d+, but the file ends at/, () =>
      open(file.subarray(0, -1)),
    );
  });
});

const MIXTRAL = {
  ...TINY_CONFIG,
  architectures: ['MixtralForCausalLM'],
  hidden_act: 'silu',
  num_local_experts: EXPERTS,
  num_experts_per_tok: 2,
};
const BLOCK = 'model.layers.0.block_sparse_moe.';

/**
 * A folder of a Mixtral; a tensor of `changes` replaces one of its name, null takes it away. Gives the bytes of its
 * weights.
 */
function writeMixtral(config: object = {}, changes: Record<string, number[] | null> = {}) {
  const path = join(folder, `mixtral-${files++}`);
  mkdirSync(path);
  const experts = Array.from({ length: EXPERTS }, (_, expert) => [
    [`${BLOCK}experts.${expert}.w1.weight`, [NEURONS, HIDDEN]],
    [`${BLOCK}experts.${expert}.w2.weight`, [HIDDEN, NEURONS]],
    [`${BLOCK}experts.${expert}.w3.weight`, [NEURONS, HIDDEN]],
  ]).flat();
  const dense = Object.entries(tinyHeader()).filter(([name]) => !name.includes('.mlp.'));
  const shapes: Record<string, number[] | null> = {
    ...Object.fromEntries(dense.map(([name, { shape }]) => [name, shape])),
    [`${BLOCK}gate.weight`]: [EXPERTS, HIDDEN],
    ...Object.fromEntries(experts),
    ...changes,
  };
  let end = 0;
  const header: TensorHeader = {};
  for (const [name, shape] of Object.entries(shapes)) {
    if (shape === null) continue;
    const start = end;
    end += 4 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  const weights = safetensors(header);
  writeFileSync(join(path, 'model.safetensors'), weights);
  writeJson(path, 'config.json', { ...MIXTRAL, ...config });
  writeJson(path, 'tokenizer.json', { model: { type: 'BPE' } });
  return { path, weights };
}

describe('a mixture of experts in a Hugging Face folder', () => {
  it('opens when it is sound', () => {
    const { spec, tensors } = openCheckpoint(writeMixtral().path);
    expect(spec.experts).toMatchObject({ numExperts: EXPERTS, numExpertsPerToken: 2, intermediateSize: NEURONS });
    expect(tensors.get('layers.0.down')!.parts).toHaveLength(EXPERTS);
  });

  it.each<[string, ErrorCode, RegExp, Parameters<typeof writeMixtral>]>([
    [
      'more experts in the configuration than in the tensors',
      'CORRUPT',
      /"model.layers.0.block_sparse_moe.gate.weight" is of shape \[4, 8\]; \[5, 8\] was expected/,
      [{ num_local_experts: 5 }],
    ],
    [
      'an expert more than the configuration says',
      'UNSUPPORTED',
      /experts.4.w1.weight" has no place/,
      [{}, { [`${BLOCK}experts.4.w1.weight`]: [NEURONS, HIDDEN] }],
    ],
    [
      'a matrix of an expert missing',
      'CORRUPT',
      /experts.2.w3.weight" is missing; a shape of \[12, 8\] was expected/,
      [{}, { [`${BLOCK}experts.2.w3.weight`]: null }],
    ],
    [
      'an expert of another size',
      'CORRUPT',
      /experts.1.w2.weight" is of shape \[8, 11\]; \[8, 12\] was expected/,
      [{}, { [`${BLOCK}experts.1.w2.weight`]: [HIDDEN, NEURONS - 1] }],
    ],
    ['no router', 'CORRUPT', /block_sparse_moe.gate.weight" is missing/, [{}, { [`${BLOCK}gate.weight`]: null }]],
    [
      'a router that is turned',
      'CORRUPT',
      /gate.weight" is of shape \[8, 4\]; \[4, 8\] was expected/,
      [{}, { [`${BLOCK}gate.weight`]: [HIDDEN, EXPERTS] }],
    ],
    [
      'more experts used than there are',
      'CORRUPT',
      /"num_experts_per_tok" is 5, but there are 4 experts/,
      [{ num_experts_per_tok: 5 }],
    ],
    ['no number of experts', 'CORRUPT', /"num_local_experts" is missing/, [{ num_local_experts: undefined }]],
    [
      'layers without experts between others',
      'UNSUPPORTED',
      /"decoder_sparse_step" is 2: layers without experts/,
      [{ decoder_sparse_step: 2 }],
    ],
    [
      'layers named that have no experts',
      'UNSUPPORTED',
      /"mlp_only_layers" is \[0\]: layers without experts/,
      [{ mlp_only_layers: [0] }],
    ],
  ])('is refused with %s', (_, code, message, changes) => {
    expectFailure(code, message, () => openCheckpoint(writeMixtral(...changes).path));
  });

  it('is CORRUPT when cut, and names the expert that lies beyond the end', () => {
    const { path, weights } = writeMixtral();
    for (let length = 0; length < weights.length; length += 97) {
      writeFileSync(join(path, 'model.safetensors'), weights.subarray(0, length));
      expect(failure(() => openCheckpoint(path)).code, `cut to ${length} bytes`).toBe('CORRUPT');
    }
    writeFileSync(join(path, 'model.safetensors'), weights.subarray(0, -1));
    expectFailure('CORRUPT', /experts.3.w3.weight" should lie at bytes/, () => openCheckpoint(path));
  });

  it('is NOT_FOUND where a shard with experts is missing', () => {
    const map = { 'model.norm.weight': 'a.safetensors', [`${BLOCK}experts.0.w1.weight`]: 'b.safetensors' };
    const split = join(folder, `split-${files++}`);
    mkdirSync(split);
    writeJson(split, 'config.json', MIXTRAL);
    writeJson(split, 'model.safetensors.index.json', { weight_map: map });
    writeFileSync(join(split, 'a.safetensors'), safetensors(tinyHeader(['model.norm.weight'])));
    expectFailure('NOT_FOUND', /b\.safetensors is missing, one of 2 shards/, () => openCheckpoint(split));
  });
});
