import { windowOf } from './sliding-window.js';
import type { ModelSpec } from './spec.js';

type HeadsSpec = Pick<ModelSpec, 'headDim' | 'numKeyValueHeads' | 'slidingWindow'>;

/** The sizes of a layer's heads. */
export interface LayerHeads {
  headDim: number;
  numKeyValueHeads: number;
}

export const slides = ({ slidingWindow }: Pick<ModelSpec, 'slidingWindow'>, layer: number): boolean =>
  slidingWindow !== null && windowOf(slidingWindow, layer) > 0;

/** The heads of a layer with attention. */
export function headsOf(spec: HeadsSpec, layer: number): LayerHeads {
  const { headDim, numKeyValueHeads, slidingWindow } = spec;
  return slidingWindow?.heads && slides(spec, layer) ? slidingWindow.heads : { headDim, numKeyValueHeads };
}
