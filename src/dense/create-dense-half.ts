import type { Bridge } from '../../native-bridge/bridge.js';
import { MOST_OTHER_IDS } from '../draft/few-ids.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { EMBEDDING, layerTensor, POSITIONS, type ResidentLayerTensor } from '../model/tensor-names.js';
import { AttentionVectors } from './attention-vectors.js';
import { BalancedStreams } from './balanced-streams.js';
import { BranchNorms } from './branch-norms.js';
import { checkExtents, checkShapes, tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import type { DenseHalf } from './dense-half.js';
import type { StreamedMatrices } from './dense-matrix.js';
import { Embedding } from './embedding.js';
import { HeldParts } from './held-parts.js';
import { HiddenJoin } from './hidden-join.js';
import { LatentExperts } from './latent-experts.js';
import { LearnedPositions } from './learned-positions.js';
import { loadHead } from './load-head.js';
import { type DenseLayer, loadLayer, type SegmentLoad } from './load-layer.js';
import { loadVector } from './load-tensor.js';
import { PerLayerInputs } from './per-layer-inputs.js';
import { ResidualStreams } from './residual-streams.js';
import { rotariesOf } from './rotary.js';
import type { Head, Streams } from './segments.js';
import { SharedExpert } from './shared-expert.js';
import type { TensorOnDisk } from './tensor-on-disk.js';
import { addBias, scaleBy, softCap, takeGates } from './vectors.js';

export interface DenseHalfOptions {
  spec: ModelSpec;
  /** The resident half's tensors under the names of model/tensor-names.ts; others are ignored. */
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  /** The matrices that stream; null or absent where all stay in memory. */
  streamed?: StreamedMatrices | null;
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
  branchNorms: BranchNorms;
  /** Null where experts work in the residual stream's own space. */
  latentExperts: LatentExperts | null;
  perLayerInputs: PerLayerInputs | null;
  streams: Streams | null;
  join: HiddenJoin | null;
  /** Per layer the factor of its output; empty if the model has none. */
  layerScales: readonly number[];
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
  const { spec, tensors, bridge, streamed = null, maxTokens } = options;
  checkShapes(spec, tensors);
  checkExtents(tensors, residentTensors(spec).keys());
  const scratch = new Float32Array(maxTokens * spec.hiddenSize);
  const held = new HeldParts();
  try {
    const load = { spec, tensors, bridge, streamed, scratch, held, streams: null };
    const streams = loadStreams(load, maxTokens);
    const parts = loadParts({ ...load, streams }, streams, options);
    return assemble(spec, parts, streamed, () => held.dispose());
  } catch (error) {
    await held.dispose();
    throw error;
  }
}

/** Several residual streams; null for one. */
function loadStreams(load: SegmentLoad, maxTokens: number): Streams | null {
  const { residualStreams: streams } = load.spec;
  if (!streams) return null;
  return 'rank' in streams
    ? new ResidualStreams(load, streams, maxTokens)
    : new BalancedStreams(load, streams, maxTokens);
}

/** Loads layer by layer, then what all layers share, then both ends of the model. */
function loadParts(load: SegmentLoad, streams: Streams | null, { maxTokens, onLayer }: DenseHalfOptions): DenseParts {
  const { spec, tensors, bridge, held } = load;
  const layers: DenseLayer[] = [];
  for (let layer = 0; layer < spec.numLayers; layer++) {
    onLayer?.(layer);
    layers.push(loadLayer(load, layer));
  }
  const vectors = new AttentionVectors(spec, tensors, rotariesOf(spec, maxTokens), bridge);
  const sharedExpert = spec.experts?.sharedIntermediateSize ? new SharedExpert(load, maxTokens) : null;
  const branchNorms = new BranchNorms(spec, tensors, bridge, maxTokens);
  const latentSize = spec.experts?.latentSize;
  const latentExperts = latentSize ? new LatentExperts(load, latentSize, maxTokens) : null;
  const perLayerInputs = spec.perLayerInputs ? held.keep(new PerLayerInputs(spec, tensors, bridge, maxTokens)) : null;
  const join = spec.prediction ? new HiddenJoin(load, spec.prediction, maxTokens) : null;
  const layerScales = spec.layerScales ? readEachLayer(load, 'layerScale').map(([scale]) => scale) : [];
  const downBiases = spec.feedForwardBiases && !spec.experts ? readEachLayer(load, 'downBias') : [];
  const { head, tiedEmbedding } = loadHead(load);
  const rows = tensorNamed(tensors, EMBEDDING);
  // The matrix in memory has been checked. One that is read by the row is checked before.
  if (!tiedEmbedding) checkOnDisk(rows, bridge);
  const positions = spec.rotary === null ? held.keep(loadPositions(load, maxTokens)) : null;
  const embedding = held.keep(new Embedding(rows, tiedEmbedding));
  return {
    layers,
    vectors,
    sharedExpert,
    branchNorms,
    latentExperts,
    perLayerInputs,
    streams,
    join,
    layerScales,
    downBiases,
    head,
    positions,
    embedding,
  };
}

/** A vector of each layer. */
function readEachLayer({ spec, tensors, bridge }: SegmentLoad, name: ResidentLayerTensor): Float32Array[] {
  return Array.from({ length: spec.numLayers }, (_, layer) =>
    loadVector(bridge, tensorNamed(tensors, layerTensor(layer, name))),
  );
}

function loadPositions({ spec, tensors, bridge }: SegmentLoad, maxTokens: number): LearnedPositions {
  const table = tensorNamed(tensors, POSITIONS);
  checkOnDisk(table, bridge);
  return new LearnedPositions(table, spec.positionOffset, maxTokens);
}

/** Makes one half of the loaded parts: each method runs a segment, then the small vectors that belong to it. */
function assemble(
  spec: ModelSpec,
  parts: DenseParts,
  streamed: StreamedMatrices | null,
  dispose: () => Promise<void>,
): DenseHalf {
  const { layers, vectors, sharedExpert, branchNorms, latentExperts, perLayerInputs, layerScales } = parts;
  const { downBiases, head, positions, embedding, streams } = parts;
  const otherLogits = new Float32Array(MOST_OTHER_IDS);
  return {
    residentBytes: residentBytesOf(parts),
    streams: streams instanceof ResidualStreams ? streams : null,
    join: parts.join,
    embed(ids, at, x) {
      streamed?.beginPass();
      embedding.rows(ids, x);
      if (spec.embeddingScale !== 1) scaleBy(x, ids.length * spec.hiddenSize, spec.embeddingScale);
      positions?.add(at, ids.length, x);
      perLayerInputs?.embed(ids, x);
      streams?.begin(ids, x);
      streams?.read(0, 'mix', x, ids.length);
    },
    attentionInput(layer, x, tokens, at, q, k, v, gates) {
      // The engine asks a layer with another mixer than attention for no queries.
      layers[layer].input!.run(x, tokens, q, k, v);
      if (gates) takeGates(q, tokens * spec.numAttentionHeads, spec.headDim, gates);
      vectors.finish(layer, tokens, at, q, k, v);
    },
    attentionOutput: (layer, attention, x, tokens, ffnInput) =>
      layers[layer].output.run(attention, x, tokens, ffnInput),
    networkInputs(layer, x, tokens, ffnInput) {
      const inputs = branchNorms.inputs(layer, x, tokens, ffnInput);
      if (latentExperts) inputs.experts = latentExperts.inputs(layer, inputs.experts, tokens);
      return inputs;
    },
    finishFeedForward(layer, x, tokens, output) {
      latentExperts?.finish(layer, tokens, output);
      const shared = sharedExpert?.run(layer, x, tokens);
      if (shared) branchNorms.join(layer, tokens, output, shared);
      if (downBiases.length > 0) addBias(output, tokens, downBiases[layer]);
      layers[layer].postFfnNorm?.apply(output, tokens, output);
      if (spec.residualScale !== 1) scaleBy(output, tokens * spec.hiddenSize, spec.residualScale);
      streams?.write(output, tokens);
    },
    finishLayer(layer, x, tokens) {
      perLayerInputs?.add(layer, x, tokens);
      if (layerScales.length > 0) scaleBy(x, tokens * spec.hiddenSize, layerScales[layer]);
      const next = layer + 1;
      streams?.read(next, next < spec.numLayers ? 'mix' : 'head', x, tokens);
    },
    logits(x, tokens, logits) {
      head.run(x, tokens, logits);
      finishLogits(spec, logits, tokens * spec.vocabSize);
    },
    fewLogits(x, ids, logits) {
      if (!head.runFew) {
        this.logits(x, 1, logits);
        return;
      }
      const { below, others } = ids;
      head.runFew(x, ids, logits, otherLogits);
      finishLogits(spec, logits, below);
      finishLogits(spec, otherLogits, others.length);
      logits.fill(Number.NEGATIVE_INFINITY, below, spec.vocabSize);
      for (let i = 0; i < others.length; i++) logits[others[i]] = otherLogits[i];
    },
    dispose,
  };
}

/** Scales and caps the first `count` logits, where the model does. */
function finishLogits(spec: ModelSpec, logits: Float32Array, count: number): void {
  if (spec.logitScale !== 1) scaleBy(logits, count, spec.logitScale);
  if (spec.logitSoftCap !== null) softCap(logits, count, spec.logitSoftCap);
}

/** Bytes of the weights held; the embedding and the table of positions stay on disk. */
function residentBytesOf(parts: DenseParts): number {
  const { layers, vectors, sharedExpert, branchNorms, latentExperts, perLayerInputs, downBiases, head } = parts;
  let bytes =
    vectors.residentBytes +
    branchNorms.residentBytes +
    (latentExperts?.residentBytes ?? 0) +
    (perLayerInputs?.residentBytes ?? 0) +
    (parts.streams?.residentBytes ?? 0) +
    (parts.join?.residentBytes ?? 0) +
    (sharedExpert?.residentBytes ?? 0) +
    head.residentBytes;
  for (const { input, output, postFfnNorm } of layers)
    bytes += (input?.residentBytes ?? 0) + output.residentBytes + (postFfnNorm?.bytes ?? 0);
  for (const bias of downBiases) bytes += bias.byteLength;
  return bytes;
}
