import { mixedWidth, recurrentOf, recurrentTensors } from './mixer-tensors.js';
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
  const { hiddenSize, experts } = spec;
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
  if (spec.feedForwardBiases) {
    const neurons = streamedNeurons(spec);
    if (spec.gated) shapes.push(['gateBias', [neurons]]);
    shapes.push(['upBias', [neurons]], ['downBias', [(experts?.numExperts ?? 1) * hiddenSize]]);
    if (experts) shapes.push(['routerBias', [experts.numExperts]]);
  }
  if (experts) {
    shapes.push(['router', [experts.numExperts, hiddenSize]]);
    const shared = experts.sharedIntermediateSize;
    if (shared > 0) {
      shapes.push(['sharedRouter', [1, hiddenSize]]);
      shapes.push(['sharedGate', [shared, hiddenSize]], ['sharedUp', [shared, hiddenSize]]);
      shapes.push(['sharedDown', [hiddenSize, shared]]);
    }
  }
  return shapes;
}

function attentionTensors(spec: ModelSpec): [ResidentLayerTensor, number[]][] {
  const { hiddenSize, headDim } = spec;
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

/** Neurons that a layer streams: those of its network, or those of all its experts, expert by expert. */
export const streamedNeurons = ({ intermediateSize, experts }: ModelSpec): number =>
  experts ? experts.numExperts * experts.intermediateSize : intermediateSize;
