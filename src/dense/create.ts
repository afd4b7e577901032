import type { Bridge } from '../../native-bridge/bridge.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { EMBEDDING, FINAL_NORM, type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { AttentionVectors } from './attention-vectors.js';
import { bridgeAttentionInput, bridgeAttentionOutput, bridgeHead } from './bridge-segments.js';
import { checkOnDisk } from './checksum.js';
import { runsOn } from './choice.js';
import type { DenseHalf } from './dense-half.js';
import { Embedding } from './embedding.js';
import { Rotary } from './rotary.js';
import type { AttentionInput, AttentionOutput, Head } from './segments.js';
import { SharedExpert } from './shared-expert.js';
import type { TensorOnDisk } from './tensor-on-disk.js';
import { checkExtents, checkShapes, headName, tensorNamed } from './tensors.js';

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
  try {
    for (let layer = 0; layer < spec.numLayers; layer++) {
      onLayer?.(layer);
      const of = (name: LayerTensor) => tensorNamed(tensors, layerTensor(layer, name));
      const input = { attentionNorm: of('attentionNorm'), q: of('q'), k: of('k'), v: of('v') };
      const output = { o: of('o'), ffnNorm: of('ffnNorm') };
      const inputRunsOn = runsOn([input.q, input.k, input.v]);
      const outputRunsOn = runsOn([output.o]);
      check(input.attentionNorm, output.ffnNorm);
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
    vectors = new AttentionVectors(spec, tensors, new Rotary(spec.rotary, spec.headDim, maxTokens), check);
    if (spec.experts?.sharedIntermediateSize) sharedExpert = keep(new SharedExpert(spec, tensors, bridge, maxTokens));
    const last = { finalNorm: tensorNamed(tensors, FINAL_NORM), head: tensorNamed(tensors, headName(spec)) };
    const headOnBridge = runsOn([last.head]) === 'bridge' ? keep(bridgeHead(spec, last, bridge, scratch)) : null;
    check(last.finalNorm);
    if (!headOnBridge) check(last.head);
    head = headOnBridge ?? keep(await (await onnx()).onnxHead(spec, last, threads));
    const rows = tensorNamed(tensors, EMBEDDING);
    if (!spec.tiedEmbeddings) check(rows);
    embedding = keep(new Embedding(rows, (spec.tiedEmbeddings && headOnBridge?.matrix) || null));
  } catch (error) {
    await release();
    throw error;
  }

  const parts = [...inputs, ...outputs, head, vectors, ...(sharedExpert ? [sharedExpert] : [])];
  const residentBytes = parts.reduce((sum, part) => sum + part.residentBytes, 0);
  return {
    residentBytes,
    embed: (ids, x) => embedding.rows(ids, x),
    async attentionInput(layer, x, tokens, position, q, k, v) {
      await inputs[layer].run(x, tokens, q, k, v);
      vectors.finish(layer, tokens, position, q, k, v);
    },
    attentionOutput: (layer, attention, x, tokens, ffnInput) => outputs[layer].run(attention, x, tokens, ffnInput),
    addSharedExpert: (layer, x, tokens, output) => sharedExpert?.add(layer, x, tokens, output),
    logits: (x, tokens, logits) => head.run(x, tokens, logits),
    dispose: release,
  };
}

/** Imported where it is needed: ONNX Runtime takes 12 MB of memory before it holds a weight. */
const onnx = () => import('./onnx-segments.js');
