import { parse, relative, resolve } from 'node:path';
import type { ModelSpec } from '../model/spec.js';
import { packedBytes } from './footprint.js';
import { type NormTensors, readNormWeight } from './norm.js';
import { float, int, OnnxGraph } from './onnx-graph.js';
import { OnnxSession } from './onnx-session.js';
import type { AttentionInput, AttentionOutput, Head, InputTensors, LastTensors, OutputTensors } from './segments.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';

/*
 * The three segments as ONNX graphs. Matrices are f32 and external: ONNX Runtime maps them from the store's file, packs
 * them for its kernels and lets go of the file. Widths: h = hiddenSize, a = heads * headDim, kv = kvHeads * headDim.
 */

/**
 *     x [tokens, h] ── input_norm ──┬── q_proj ── q [tokens, a]
 *                                   ├── k_proj ── k [tokens, kv]
 *                                   └── v_proj ── v [tokens, kv]
 */
export async function onnxAttentionInput(
  spec: ModelSpec,
  layer: number,
  tensors: InputTensors,
  threads: number,
): Promise<AttentionInput> {
  const prefix = `/model/layers.${layer}`;
  const graph = new OnnxGraph(`${prefix}/attn_in`);
  graph.input('x', spec.hiddenSize);
  norm(graph, `${prefix}/input_norm`, 'x', 'normed', tensors.norm, spec);
  for (const name of ['q', 'k', 'v'] as const) {
    project(graph, `${prefix}/attn/${name}_proj`, 'normed', name, tensors[name]);
    graph.output(name, tensors[name].shape[0]);
  }
  const session = await load(graph, tensors.q, threads);
  return {
    residentBytes: heldBytes(tensors.norm, tensors.q, tensors.k, tensors.v),
    async run(x, tokens, q, k, v) {
      session.feed('x', x, tokens);
      session.fetch('q', q, tokens);
      session.fetch('k', k, tokens);
      session.fetch('v', v, tokens);
      await session.run();
    },
    dispose: () => session.release(),
  };
}

/**
 *     attention [tokens, a] ── o_proj ──┐
 *                                       ├── post_attention_norm (adds, then norms) ──┬── ffnInput [tokens, h]
 *     x [tokens, h] ────────────────────┘                                            └── residual [tokens, h]
 *
 * If attention and the feed-forward network run side by side, ffnInput is the norm of x itself. With `postNorm`, the
 * output of o_proj is normed first.
 */
export async function onnxAttentionOutput(
  spec: ModelSpec,
  layer: number,
  tensors: OutputTensors,
  threads: number,
): Promise<AttentionOutput> {
  const prefix = `/model/layers.${layer}`;
  const graph = new OnnxGraph(`${prefix}/attn_out`);
  graph.input('attention', tensors.o.shape[1]);
  graph.input('x', spec.hiddenSize);
  const projected = tensors.postNorm ? 'output' : 'projected';
  project(graph, `${prefix}/attn/o_proj`, 'attention', projected, tensors.o, tensors.oBias);
  if (tensors.postNorm) norm(graph, `${prefix}/attn/post_norm`, projected, 'projected', tensors.postNorm, spec);
  const name = `${prefix}/post_attention_norm`;
  if (spec.norm === 'rms' && !spec.parallelNorm) {
    const weight = graph.initializer(
      'ffnInput.weight',
      [spec.hiddenSize],
      bytesOf(readNormWeight(tensors.norm.weight, spec)),
    );
    graph.node(
      'SkipSimplifiedLayerNormalization',
      name,
      ['x', 'projected', weight],
      ['ffnInput', '', '', 'residual'],
      [float('epsilon', spec.normEpsilon)],
      'com.microsoft',
    );
  } else {
    graph.node('Add', `${prefix}/residual`, ['x', 'projected'], ['residual']);
    norm(graph, name, spec.parallelNorm ? 'x' : 'residual', 'ffnInput', tensors.norm, spec);
  }
  graph.output('ffnInput', spec.hiddenSize);
  graph.output('residual', spec.hiddenSize);
  const session = await load(graph, tensors.o, threads);
  return {
    residentBytes:
      heldBytes(tensors.norm, tensors.o) +
      4 * ((tensors.oBias?.shape[0] ?? 0) + (tensors.postNorm?.weight.shape[0] ?? 0)),
    async run(attention, x, tokens, ffnInput) {
      session.feed('attention', attention, tokens);
      session.feed('x', x, tokens);
      session.fetch('ffnInput', ffnInput, tokens);
      // An output must not share memory with an input, so the sum comes back by the copy that is made in any case.
      const { residual } = await session.run();
      x.set(residual.data as Float32Array);
    },
    dispose: () => session.release(),
  };
}

/**
 *     x [tokens, h] ── final_norm ── lm_head ── logits [tokens, vocabSize]
 */
export async function onnxHead(spec: ModelSpec, tensors: LastTensors, threads: number): Promise<Head> {
  const graph = new OnnxGraph('/lm_head');
  graph.input('x', spec.hiddenSize);
  norm(graph, '/model/final_norm', 'x', 'normed', tensors.norm, spec);
  project(graph, '/lm_head/proj', 'normed', 'logits', tensors.head);
  graph.output('logits', spec.vocabSize);
  const session = await load(graph, tensors.head, threads);
  return {
    residentBytes: heldBytes(tensors.norm, tensors.head),
    async run(x, tokens, logits) {
      session.feed('x', x, tokens);
      session.fetch('logits', logits, tokens);
      await session.run();
    },
    dispose: () => session.release(),
  };
}

function norm(
  graph: OnnxGraph,
  name: string,
  input: string,
  output: string,
  { weight, bias }: NormTensors,
  spec: ModelSpec,
): void {
  const epsilon = spec.normEpsilon;
  const scale = graph.initializer(`${output}.weight`, weight.shape, bytesOf(readNormWeight(weight, spec)));
  if (bias) {
    const shift = graph.initializer(`${output}.bias`, bias.shape, bytesOf(readVector(bias)));
    graph.node(
      'LayerNormalization',
      name,
      [input, scale, shift],
      [output],
      [int('axis', -1), float('epsilon', epsilon)],
    );
    return;
  }
  graph.node(
    'SimplifiedLayerNormalization',
    name,
    [input, scale],
    [output],
    [int('axis', -1), float('epsilon', epsilon), int('stash_type', 1)],
  );
}

function project(
  graph: OnnxGraph,
  name: string,
  input: string,
  output: string,
  tensor: TensorOnDisk,
  bias: TensorOnDisk | null = null,
): void {
  const { shape, offset, bytes } = tensor;
  const file = relative(rootOf(tensor), resolve(tensor.path));
  const weight = graph.initializer(`${output}.weight`, shape, { file, offset, bytes });
  const added = bias ? [graph.initializer(`${output}.bias`, bias.shape, bytesOf(readVector(bias)))] : [];
  graph.node('Gemm', name, [input, weight, ...added], [output], [int('transB', 1)]);
}

/**
 * External files are named from the file system's root: ONNX Runtime refuses links that lead out of the folder it is
 * given.
 */
const rootOf = (tensor: TensorOnDisk) => parse(resolve(tensor.path)).root;

const load = (graph: OnnxGraph, tensor: TensorOnDisk, threads: number) =>
  OnnxSession.load(graph, rootOf(tensor), threads);

const heldBytes = ({ weight, bias }: NormTensors, ...matrices: TensorOnDisk[]) =>
  matrices.reduce((sum, { shape }) => sum + packedBytes(shape), (bias ? 2 : 1) * weight.shape[0] * 4);

const bytesOf = (vector: Float32Array) => new Uint8Array(vector.buffer);
