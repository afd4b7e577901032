import type { Bridge } from '../../native-bridge/bridge.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { EMBEDDING, layerTensor, POSITIONS } from '../model/tensor-names.js';
import { AttentionVectors } from './attention-vectors.js';
import { checkExtents, checkShapes, tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import type { DenseHalf } from './dense-half.js';
import { Embedding } from './embedding.js';
import { HeldParts } from './held-parts.js';
import { LearnedPositions } from './learned-positions.js';
import { loadHead } from './load-head.js';
import { type DenseLayer, loadLayer, type SegmentLoad } from './load-layer.js';
import { loadVector } from './load-tensor.js';
import { rotariesOf } from './rotary.js';
import type { Head } from './segments.js';
import { SharedExpert } from './shared-expert.js';
import type { TensorOnDisk } from './tensor-on-disk.js';
import { addBias, scaleBy, softCap, takeGates } from './vectors.js';

export interface DenseHalfOptions {
  spec: ModelSpec;
  /** The resident half's tensors under the names of model/tensor-names.ts; others are ignored. */
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  /** The most tokens that one call will bring. */
  maxTokens: number;
  /** Called before each layer is loaded. If it throws, the load ends with that error. */
  onLayer?: (layer: number) => void;
}

/** Everything that a dense half is assembled from, in memory. */
interface DenseParts {
  layers: readonly DenseLayer[];
  vectors: AttentionVectors;
  sharedExpert: SharedExpert | null;
  /** Per layer the bias of the network's output, [hiddenSize]; empty if the model has none or its experts have. */
  downBiases: readonly Float32Array[];
  head: Head;
  positions: LearnedPositions | null;
  embedding: Embedding;
}

/**
 * Loads the resident half, one segment at a time. Dispose of it before the bridge. Throws CORRUPT if tensors do not fit
 * the spec, NOT_FOUND or IO if a file cannot be read. A load that fails leaves nothing behind.
 */
export async function createDenseHalf(options: DenseHalfOptions): Promise<DenseHalf> {
  const { spec, tensors, bridge, maxTokens } = options;
  checkShapes(spec, tensors);
  checkExtents(tensors, residentTensors(spec).keys());
  const scratch = new Float32Array(maxTokens * spec.hiddenSize);
  const held = new HeldParts();
  try {
    const parts = loadParts({ spec, tensors, bridge, scratch, held }, options);
    return assemble(spec, parts, () => held.dispose());
  } catch (error) {
    await held.dispose();
    throw error;
  }
}

/** Loads layer by layer, then what all layers share, then both ends of the model. */
function loadParts(load: SegmentLoad, { maxTokens, onLayer }: DenseHalfOptions): DenseParts {
  const { spec, tensors, bridge, held } = load;
  const layers: DenseLayer[] = [];
  for (let layer = 0; layer < spec.numLayers; layer++) {
    onLayer?.(layer);
    layers.push(loadLayer(load, layer));
  }
  const vectors = new AttentionVectors(spec, tensors, rotariesOf(spec, maxTokens), bridge);
  const sharedExpert = spec.experts?.sharedIntermediateSize
    ? held.keep(new SharedExpert(spec, tensors, bridge, maxTokens))
    : null;
  const downBiases = spec.feedForwardBiases && !spec.experts ? readDownBiases(load) : [];
  const { head, tiedEmbedding } = loadHead(load);
  const rows = tensorNamed(tensors, EMBEDDING);
  // A tied embedding is the head, whose bytes have been checked.
  if (!spec.tiedEmbeddings) checkOnDisk(rows, bridge);
  const positions = spec.rotary === null ? held.keep(loadPositions(load, maxTokens)) : null;
  const embedding = held.keep(new Embedding(rows, tiedEmbedding));
  return { layers, vectors, sharedExpert, downBiases, head, positions, embedding };
}

/** Per layer the bias of the network's output, [hiddenSize]. */
function readDownBiases({ spec, tensors, bridge }: SegmentLoad): Float32Array[] {
  return Array.from({ length: spec.numLayers }, (_, layer) =>
    loadVector(bridge, tensorNamed(tensors, layerTensor(layer, 'downBias'))),
  );
}

function loadPositions({ spec, tensors, bridge }: SegmentLoad, maxTokens: number): LearnedPositions {
  const table = tensorNamed(tensors, POSITIONS);
  checkOnDisk(table, bridge);
  return new LearnedPositions(table, spec.positionOffset, maxTokens);
}

/** Makes one half of the loaded parts: each method runs a segment, then the small vectors that belong to it. */
function assemble(spec: ModelSpec, parts: DenseParts, dispose: () => Promise<void>): DenseHalf {
  const { layers, vectors, sharedExpert, downBiases, head, positions, embedding } = parts;
  return {
    residentBytes: residentBytesOf(parts),
    embed(ids, position, x) {
      embedding.rows(ids, x);
      if (spec.embeddingScale !== 1) scaleBy(x, ids.length * spec.hiddenSize, spec.embeddingScale);
      positions?.add(position, ids.length, x);
    },
    attentionInput(layer, x, tokens, position, q, k, v, gates) {
      // The engine asks a layer with another mixer than attention for no queries.
      layers[layer].input!.run(x, tokens, q, k, v);
      if (gates) takeGates(q, tokens * spec.numAttentionHeads, spec.headDim, gates);
      vectors.finish(layer, tokens, position, q, k, v);
    },
    attentionOutput: (layer, attention, x, tokens, ffnInput) =>
      layers[layer].output.run(attention, x, tokens, ffnInput),
    finishFeedForward(layer, x, tokens, output) {
      sharedExpert?.add(layer, x, tokens, output);
      if (downBiases.length > 0) addBias(output, tokens, downBiases[layer]);
      layers[layer].postFfnNorm?.apply(output, tokens, output);
    },
    logits(x, tokens, logits) {
      head.run(x, tokens, logits);
      if (spec.logitSoftCap !== null) softCap(logits, tokens * spec.vocabSize, spec.logitSoftCap);
    },
    dispose,
  };
}

/** Bytes of the weights held; the embedding and the table of positions stay on disk. */
function residentBytesOf({ layers, vectors, sharedExpert, downBiases, head }: DenseParts): number {
  let bytes = vectors.residentBytes + (sharedExpert?.residentBytes ?? 0) + head.residentBytes;
  for (const { input, output, postFfnNorm } of layers)
    bytes += (input?.residentBytes ?? 0) + output.residentBytes + (postFfnNorm?.bytes ?? 0);
  for (const bias of downBiases) bytes += bias.byteLength;
  return bytes;
}
