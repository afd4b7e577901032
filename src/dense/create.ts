import type { Bridge } from '../../native-bridge/bridge.js';
import { residentTensors } from '../model/resident-tensors.js';
import { windowOf } from '../model/sliding-window.js';
import type { ModelSpec } from '../model/spec.js';
import {
  EMBEDDING,
  FINAL_NORM,
  FINAL_NORM_BIAS,
  type LayerTensor,
  layerTensor,
  POSITIONS,
} from '../model/tensor-names.js';
import { AttentionVectors } from './attention-vectors.js';
import { bridgeAttentionInput, bridgeAttentionOutput, bridgeHead } from './bridge-segments.js';
import { checkOnDisk } from './checksum.js';
import { runsOn } from './choice.js';
import type { DenseHalf } from './dense-half.js';
import { Embedding } from './embedding.js';
import { LearnedPositions } from './learned-positions.js';
import { Norm, type NormTensors } from './norm.js';
import { Rotary } from './rotary.js';
import type { AttentionInput, AttentionOutput, Head } from './segments.js';
import { SharedExpert } from './shared-expert.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { checkExtents, checkShapes, headName, tensorNamed } from './tensors.js';
import { addBias, scaleBy, softCap } from './vectors.js';

export interface DenseHalfOptions {
  spec: ModelSpec;
  /** The resident half's tensors under the names of model/tensor-names.ts; others are ignored. */
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  threads: number;
  /** The most tokens that one call will bring. */
  maxTokens: number;
  /** Called before each layer is loaded; what it throws ends the load. */
  onLayer?: (layer: number) => void;
}

/**
 * Loads the resident half, one segment at a time, each on the library that holds its formats best (choice.ts). Dispose of it before the bridge.
 * Throws CORRUPT where tensors do not fit the spec, NOT_FOUND or IO where a file cannot be read; a failed load leaves nothing behind.
 */
export async function createDenseHalf(options: DenseHalfOptions): Promise<DenseHalf> {
  const { spec, tensors, bridge, threads, maxTokens, onLayer } = options;
  checkShapes(spec, tensors);
  checkExtents(tensors, residentTensors(spec).keys());
  const scratch = new Float32Array(maxTokens * spec.hiddenSize);
  const held: { dispose(): Promise<void> | void }[] = [];
  const keep = <T extends { dispose(): Promise<void> | void }>(part: T): T => {
    held.push(part);
    return part;
  };
  const release = async () => {
    for (const part of held.splice(0).reverse()) await part.dispose();
  };
  const check = (...read: TensorOnDisk[]) => {
    for (const tensor of read) checkOnDisk(tensor, bridge);
  };
  const inputs: AttentionInput[] = [];
  const outputs: AttentionOutput[] = [];
  let head: Head;
  let embedding: Embedding;
  let vectors: AttentionVectors;
  let sharedExpert: SharedExpert | null = null;
  let positions: LearnedPositions | null = null;
  let downBiases: Float32Array[] = [];
  const postFfnNorms: Norm[] = [];
  try {
    for (let layer = 0; layer < spec.numLayers; layer++) {
      onLayer?.(layer);
      const of = (name: LayerTensor) => tensorNamed(tensors, layerTensor(layer, name));
      const normOf = (name: 'attentionNorm' | 'ffnNorm') => ({
        weight: of(name),
        bias: spec.norm === 'layer' ? of(`${name}Bias`) : null,
      });
      const input = { norm: normOf('attentionNorm'), q: of('q'), k: of('k'), v: of('v') };
      const output = {
        o: of('o'),
        oBias: spec.outputBias ? of('oBias') : null,
        postNorm: spec.postNorms ? { weight: of('postAttentionNorm'), bias: null } : null,
        norm: normOf(spec.parallelNorm === 'shared' ? 'attentionNorm' : 'ffnNorm'),
      };
      const inputRunsOn = runsOn([input.q, input.k, input.v]);
      const outputRunsOn = runsOn([output.o]);
      check(...vectorsOf(input.norm), ...vectorsOf(output.norm), ...(output.oBias ? [output.oBias] : []));
      if (output.postNorm) {
        const postFfnNorm = { weight: of('postFfnNorm'), bias: null };
        check(...vectorsOf(output.postNorm), ...vectorsOf(postFfnNorm));
        postFfnNorms.push(new Norm(spec, postFfnNorm));
      }
      if (inputRunsOn === 'onnx') check(input.q, input.k, input.v);
      if (outputRunsOn === 'onnx') check(output.o);
      inputs.push(
        keep(
          inputRunsOn === 'onnx'
            ? await (await onnx()).onnxAttentionInput(spec, layer, input, threads)
            : bridgeAttentionInput(spec, input, bridge, scratch),
        ),
      );
      outputs.push(
        keep(
          outputRunsOn === 'onnx'
            ? await (await onnx()).onnxAttentionOutput(spec, layer, output, threads)
            : bridgeAttentionOutput(spec, output, bridge, scratch),
        ),
      );
    }
    vectors = new AttentionVectors(spec, tensors, rotaries(spec, maxTokens), check);
    if (spec.experts?.sharedIntermediateSize) sharedExpert = keep(new SharedExpert(spec, tensors, bridge, maxTokens));
    if (spec.feedForwardBiases && !spec.experts) downBiases = readDownBiases(spec, tensors, check);
    const finalNorm = {
      weight: tensorNamed(tensors, FINAL_NORM),
      bias: spec.norm === 'layer' ? tensorNamed(tensors, FINAL_NORM_BIAS) : null,
    };
    const last = { norm: finalNorm, head: tensorNamed(tensors, headName(spec)) };
    const headOnBridge = runsOn([last.head]) === 'bridge' ? keep(bridgeHead(spec, last, bridge, scratch)) : null;
    check(...vectorsOf(finalNorm));
    if (!headOnBridge) check(last.head);
    head = headOnBridge ?? keep(await (await onnx()).onnxHead(spec, last, threads));
    const rows = tensorNamed(tensors, EMBEDDING);
    if (!spec.tiedEmbeddings) check(rows);
    if (spec.rotary === null) {
      const table = tensorNamed(tensors, POSITIONS);
      check(table);
      positions = keep(new LearnedPositions(table, spec.positionOffset, maxTokens));
    }
    embedding = keep(new Embedding(rows, (spec.tiedEmbeddings && headOnBridge?.matrix) || null));
  } catch (error) {
    await release();
    throw error;
  }

  const parts = [...inputs, ...outputs, head, vectors, ...(sharedExpert ? [sharedExpert] : [])];
  const residentBytes =
    parts.reduce((sum, part) => sum + part.residentBytes, 0) +
    downBiases.reduce((sum, bias) => sum + bias.byteLength, 0) +
    postFfnNorms.reduce((sum, norm) => sum + norm.bytes, 0);
  return {
    residentBytes,
    embed(ids, position, x) {
      embedding.rows(ids, x);
      if (spec.embeddingScale !== 1) scaleBy(x, ids.length * spec.hiddenSize, spec.embeddingScale);
      positions?.add(position, ids.length, x);
    },
    async attentionInput(layer, x, tokens, position, q, k, v) {
      await inputs[layer].run(x, tokens, q, k, v);
      vectors.finish(layer, tokens, position, q, k, v);
    },
    attentionOutput: (layer, attention, x, tokens, ffnInput) => outputs[layer].run(attention, x, tokens, ffnInput),
    finishFeedForward(layer, x, tokens, output) {
      sharedExpert?.add(layer, x, tokens, output);
      if (downBiases.length > 0) addBias(output, tokens, downBiases[layer]);
      if (spec.postNorms) postFfnNorms[layer].apply(output, tokens, output);
    },
    async logits(x, tokens, logits) {
      await head.run(x, tokens, logits);
      if (spec.logitSoftCap !== null) softCap(logits, tokens * spec.vocabSize, spec.logitSoftCap);
    },
    dispose: release,
  };
}

/** One for all layers, or another for those that slide. */
function rotaries({ rotary, headDim, slidingWindow }: ModelSpec, maxTokens: number): (layer: number) => Rotary | null {
  if (rotary === null) return () => null;
  const everywhere = new Rotary(rotary, headDim, maxTokens);
  if (!slidingWindow?.theta) return () => everywhere;
  const { theta } = slidingWindow;
  const nearby = new Rotary({ ...rotary, theta, frequencyFactors: null, magnitude: 1 }, headDim, maxTokens);
  return (layer) => (windowOf(slidingWindow, layer) === 0 ? everywhere : nearby);
}

const vectorsOf = ({ weight, bias }: NormTensors): TensorOnDisk[] => (bias ? [weight, bias] : [weight]);

/** What each layer's network adds to its output, [hiddenSize]. */
function readDownBiases(
  spec: ModelSpec,
  tensors: ReadonlyMap<string, TensorOnDisk>,
  check: (tensor: TensorOnDisk) => void,
): Float32Array[] {
  return Array.from({ length: spec.numLayers }, (_, layer) => {
    const tensor = tensorNamed(tensors, layerTensor(layer, 'downBias'));
    check(tensor);
    return readVector(tensor);
  });
}

/** Imported where it is needed: ONNX Runtime takes 12 MB of memory before it holds a weight. */
const onnx = () => import('./onnx-segments.js');
