import { hasKeys, hasValues } from './attention-layers.js';
import { compressedTensors } from './compressed-tensors.js';
import { expertsOf, streamedNeurons } from './feed-forward.js';
import { headsOf } from './layer-heads.js';
import {
  hasMixer,
  hasNorms,
  headStreamTensors,
  indexTensors,
  latentTensors,
  mixedWidth,
  ngramTensors,
  numberedParts,
  recurrentOf,
  recurrentTensors,
  streamTensors,
} from './mixer-tensors.js';
import type { ModelSpec } from './spec.js';
import {
  EMBEDDING,
  FINAL_NORM,
  FINAL_NORM_BIAS,
  HEAD,
  JOIN,
  layerTensor,
  NGRAM_EMBEDDING,
  PER_LAYER_EMBEDDING,
  PER_LAYER_NORM,
  PER_LAYER_PROJECTION,
  POSITIONS,
  type ResidentLayerTensor,
} from './tensor-names.js';

/**
 * Shapes of a layer's resident tensors, [rows, columns] or [length], in the order of a store. Numbers after the last
 * layer are those of mixers that come before a layer's own.
 */
export function residentOfLayer(spec: ModelSpec, layer = 0): [ResidentLayerTensor, number[]][] {
  const { hiddenSize } = spec;
  if (layer >= spec.numLayers) return mixerTensors(spec, layer);
  const layerNorm = spec.norm === 'layer';
  const shapes: [ResidentLayerTensor, number[]][] = [...streamTensors(spec), ...ngramTensors(spec, layer)];
  if (hasMixer(spec, layer)) shapes.push(...mixerTensors(spec, layer));
  if (spec.parallelNorm !== 'shared' && hasNorms(spec)) {
    shapes.push(['ffnNorm', [hiddenSize]]);
    if (layerNorm) shapes.push(['ffnNormBias', [hiddenSize]]);
  }
  if (spec.postNorms) shapes.push(['postFfnNorm', [hiddenSize]]);
  shapes.push(...networkTensors(spec, layer));
  if (spec.perLayerInputs) {
    const { size } = spec.perLayerInputs;
    shapes.push(['perLayerGate', [size, hiddenSize]], ['perLayerOutput', [hiddenSize, size]]);
    shapes.push(['postPerLayerNorm', [hiddenSize]]);
  }
  if (spec.layerScales) shapes.push(['layerScale', [1]]);
  return shapes;
}

/** The tensors of a mixer, from the norm before it to what its output passes. */
function mixerTensors(spec: ModelSpec, layer: number): [ResidentLayerTensor, number[]][] {
  const { hiddenSize } = spec;
  const shapes: [ResidentLayerTensor, number[]][] = [];
  if (hasNorms(spec)) shapes.push(['attentionNorm', [hiddenSize]]);
  if (spec.norm === 'layer') shapes.push(['attentionNormBias', [hiddenSize]]);
  const recurrent = recurrentOf(spec, layer);
  shapes.push(...(recurrent ? recurrentTensors(recurrent, hiddenSize) : attentionTensors(spec, layer)));
  shapes.push(...indexTensors(spec, layer), ['o', [hiddenSize, mixedWidth(spec, layer)]]);
  if (spec.outputBias) shapes.push(['oBias', [hiddenSize]]);
  if (spec.postNorms) shapes.push(['postAttentionNorm', [hiddenSize]]);
  return shapes;
}

/** The tensors beside a layer's network or experts: biases, norms between them, the router, the shared expert. */
function networkTensors(spec: ModelSpec, layer: number): [ResidentLayerTensor, number[]][] {
  const { hiddenSize } = spec;
  const experts = expertsOf(spec, layer);
  const shapes: [ResidentLayerTensor, number[]][] = [];
  if (spec.feedForwardBiases) {
    const neurons = streamedNeurons(spec, layer);
    if (spec.gated) shapes.push(['gateBias', [neurons]]);
    shapes.push(['upBias', [neurons]], ['downBias', [(experts?.numExperts ?? 1) * hiddenSize]]);
    if (experts) shapes.push(['routerBias', [experts.numExperts]]);
  }
  if (!experts) return shapes;
  shapes.push(['router', [experts.numExperts, hiddenSize]]);
  const byTable = layer < (experts.tableLayers ?? 0);
  if (byTable) shapes.push(['expertTable', [spec.vocabSize * experts.numExpertsPerToken]]);
  if (experts.selectionBias && !byTable) shapes.push(['selectionBias', [experts.numExperts]]);
  if (experts.routerInput === 'residual') shapes.push(['routerNorm', [hiddenSize]]);
  if (experts.outputScales) shapes.push(['expertScales', [experts.numExperts]]);
  const { latentSize, sharedIntermediateSize: shared } = experts;
  if (latentSize) shapes.push(['expertsInput', [latentSize, hiddenSize]], ['expertsOutput', [hiddenSize, latentSize]]);
  if (shared > 0) {
    if (experts.sharedRouter) shapes.push(['sharedRouter', [1, hiddenSize]]);
    if (spec.gated) shapes.push(['sharedGate', [shared, hiddenSize]]);
    shapes.push(['sharedUp', [shared, hiddenSize]], ['sharedDown', [hiddenSize, shared]]);
  }
  if (experts.branchNorms)
    shapes.push(['expertsNorm', [hiddenSize]], ['postSharedNorm', [hiddenSize]], ['postExpertsNorm', [hiddenSize]]);
  return shapes;
}

function attentionTensors(spec: ModelSpec, layer: number): [ResidentLayerTensor, number[]][] {
  const { hiddenSize } = spec;
  if (spec.compressedAttention) return compressedTensors(spec, spec.compressedAttention, layer);
  if (spec.latentAttention) return latentTensors(spec.latentAttention, spec.numAttentionHeads, hiddenSize);
  const { headDim, numKeyValueHeads } = headsOf(spec, layer);
  const queries = spec.numAttentionHeads * headDim;
  const keys = numKeyValueHeads * headDim;
  const ownKeys = hasKeys(spec, layer);
  const shapes: [ResidentLayerTensor, number[]][] = [['q', [spec.attentionGate ? 2 * queries : queries, hiddenSize]]];
  if (ownKeys) shapes.push(['k', [keys, hiddenSize]]);
  if (hasValues(spec, layer)) shapes.push(['v', [keys, hiddenSize]]);
  if (spec.queryKeyValueBiases) shapes.push(['qBias', [queries]], ['kBias', [keys]], ['vBias', [keys]]);
  if (spec.queryKeyNorm) {
    const whole = spec.queryKeyNorm === 'all';
    shapes.push(['qNorm', [whole ? queries : headDim]]);
    if (ownKeys) shapes.push(['kNorm', [whole ? keys : headDim]]);
  }
  if (spec.attentionSinks) shapes.push(['sinks', [spec.numAttentionHeads]]);
  return shapes;
}

/** The tensors that a model begins with: embedding, learned positions, inputs of each layer. */
export function tensorsBeforeLayers(spec: ModelSpec): [string, number[]][] {
  const { hiddenSize, vocabSize, numLayers, perLayerInputs, ngrams, prediction } = spec;
  const shapes: [string, number[]][] = [[EMBEDDING, [vocabSize, hiddenSize]]];
  if (spec.rotary === null) shapes.push([POSITIONS, [spec.positionOffset + spec.contextLength, hiddenSize]]);
  if (perLayerInputs) {
    const row = numLayers * perLayerInputs.size;
    shapes.push([PER_LAYER_EMBEDDING, [vocabSize, row]], [PER_LAYER_PROJECTION, [row, hiddenSize]]);
    shapes.push([PER_LAYER_NORM, [perLayerInputs.size]]);
  }
  if (prediction) {
    shapes.push([JOIN.projection, [hiddenSize, 2 * hiddenSize]]);
    for (const norm of [JOIN.tokenNorm, JOIN.hiddenNorm, JOIN.outputNorm]) shapes.push([norm, [hiddenSize]]);
  }
  if (ngrams) shapes.push([NGRAM_EMBEDDING, [ngrams.tableRows, ngrams.rowSize]]);
  return shapes;
}

/** Shapes of all resident tensors by name, in file order: embedding, learned positions, layers, final norm, head. */
export function residentTensors(spec: ModelSpec): Map<string, number[]> {
  const { hiddenSize, vocabSize } = spec;
  const shapes = new Map<string, number[]>(tensorsBeforeLayers(spec));
  for (let layer = 0; layer < numberedParts(spec); layer++) {
    for (const [tensor, shape] of residentOfLayer(spec, layer)) shapes.set(layerTensor(layer, tensor), shape);
  }
  for (const [name, shape] of headStreamTensors(spec)) shapes.set(name, shape);
  if (hasNorms(spec)) shapes.set(FINAL_NORM, [hiddenSize]);
  if (spec.norm === 'layer') shapes.set(FINAL_NORM_BIAS, [hiddenSize]);
  if (!spec.tiedEmbeddings) shapes.set(HEAD, [vocabSize, hiddenSize]);
  return shapes;
}
