import { expertsOf, streamedNeurons } from './feed-forward.js';
import { latentTensors, mixedWidth, recurrentOf, recurrentTensors } from './mixer-tensors.js';
import type { ModelSpec } from './spec.js';
import {
  EMBEDDING,
  FINAL_NORM,
  FINAL_NORM_BIAS,
  HEAD,
  layerTensor,
  POSITIONS,
  type ResidentLayerTensor,
} from './tensor-names.js';

/** Shapes of a layer's resident tensors, [rows, columns] or [length], in the order of a store. */
export function residentOfLayer(spec: ModelSpec, layer = 0): [ResidentLayerTensor, number[]][] {
  const { hiddenSize } = spec;
  const layerNorm = spec.norm === 'layer';
  const shapes: [ResidentLayerTensor, number[]][] = [['attentionNorm', [hiddenSize]]];
  if (layerNorm) shapes.push(['attentionNormBias', [hiddenSize]]);
  const recurrent = recurrentOf(spec, layer);
  shapes.push(...(recurrent ? recurrentTensors(recurrent, hiddenSize) : attentionTensors(spec)));
  shapes.push(['o', [hiddenSize, mixedWidth(spec, layer)]]);
  if (spec.outputBias) shapes.push(['oBias', [hiddenSize]]);
  if (spec.postNorms) shapes.push(['postAttentionNorm', [hiddenSize]]);
  if (spec.parallelNorm !== 'shared') {
    shapes.push(['ffnNorm', [hiddenSize]]);
    if (layerNorm) shapes.push(['ffnNormBias', [hiddenSize]]);
  }
  if (spec.postNorms) shapes.push(['postFfnNorm', [hiddenSize]]);
  shapes.push(...networkTensors(spec, layer));
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
  if (experts.selectionBias) shapes.push(['selectionBias', [experts.numExperts]]);
  if (experts.routerInput === 'residual') shapes.push(['routerNorm', [hiddenSize]]);
  if (experts.outputScales) shapes.push(['expertScales', [experts.numExperts]]);
  const shared = experts.sharedIntermediateSize;
  if (shared > 0) {
    if (experts.sharedRouter) shapes.push(['sharedRouter', [1, hiddenSize]]);
    if (spec.gated) shapes.push(['sharedGate', [shared, hiddenSize]]);
    shapes.push(['sharedUp', [shared, hiddenSize]], ['sharedDown', [hiddenSize, shared]]);
  }
  if (experts.branchNorms)
    shapes.push(['expertsNorm', [hiddenSize]], ['postSharedNorm', [hiddenSize]], ['postExpertsNorm', [hiddenSize]]);
  return shapes;
}

function attentionTensors(spec: ModelSpec): [ResidentLayerTensor, number[]][] {
  const { hiddenSize, headDim } = spec;
  if (spec.latentAttention) return latentTensors(spec.latentAttention, spec.numAttentionHeads, hiddenSize);
  const queries = spec.numAttentionHeads * headDim;
  const keys = spec.numKeyValueHeads * headDim;
  const shapes: [ResidentLayerTensor, number[]][] = [
    ['q', [spec.attentionGate ? 2 * queries : queries, hiddenSize]],
    ['k', [keys, hiddenSize]],
    ['v', [keys, hiddenSize]],
  ];
  if (spec.queryKeyValueBiases) shapes.push(['qBias', [queries]], ['kBias', [keys]], ['vBias', [keys]]);
  if (spec.queryKeyNorm === 'head') shapes.push(['qNorm', [headDim]], ['kNorm', [headDim]]);
  if (spec.queryKeyNorm === 'all') shapes.push(['qNorm', [queries]], ['kNorm', [keys]]);
  if (spec.attentionSinks) shapes.push(['sinks', [spec.numAttentionHeads]]);
  return shapes;
}

/** Shapes of all resident tensors by name, in file order: embedding, learned positions, layers, final norm, head. */
export function residentTensors(spec: ModelSpec): Map<string, number[]> {
  const { hiddenSize, vocabSize } = spec;
  const shapes = new Map<string, number[]>([[EMBEDDING, [vocabSize, hiddenSize]]]);
  if (spec.rotary === null) shapes.set(POSITIONS, [spec.positionOffset + spec.contextLength, hiddenSize]);
  for (let layer = 0; layer < spec.numLayers; layer++) {
    for (const [tensor, shape] of residentOfLayer(spec, layer)) shapes.set(layerTensor(layer, tensor), shape);
  }
  shapes.set(FINAL_NORM, [hiddenSize]);
  if (spec.norm === 'layer') shapes.set(FINAL_NORM_BIAS, [hiddenSize]);
  if (!spec.tiedEmbeddings) shapes.set(HEAD, [vocabSize, hiddenSize]);
  return shapes;
}
