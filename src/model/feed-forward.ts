import type { ExpertsSpec, ModelSpec } from './spec.js';

type NetworkSpec = Pick<ModelSpec, 'intermediateSize' | 'layerIntermediateSizes' | 'experts'>;

/** The experts of a layer; null where the layer has an ordinary network. */
export const expertsOf = ({ experts }: Pick<ModelSpec, 'experts'>, layer: number): ExpertsSpec | null =>
  experts && layer >= experts.leadingDenseLayers ? experts : null;

/** The width of what a layer's streamed network reads and writes. */
export const networkWidth = (spec: Pick<ModelSpec, 'experts' | 'hiddenSize'>, layer: number): number =>
  expertsOf(spec, layer)?.latentSize ?? spec.hiddenSize;

/** Neurons of a layer's network, or of one of its experts. */
export const networkNeurons = (spec: NetworkSpec, layer: number): number =>
  expertsOf(spec, layer)?.intermediateSize ?? spec.layerIntermediateSizes?.[layer] ?? spec.intermediateSize;

/** Neurons that a layer streams: those of its network, or those of all its experts, expert by expert. */
export const streamedNeurons = (spec: NetworkSpec, layer: number): number =>
  (expertsOf(spec, layer)?.numExperts ?? 1) * networkNeurons(spec, layer);
