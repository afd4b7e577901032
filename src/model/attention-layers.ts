import { headsOf, type LayerHeads, slides } from './layer-heads.js';
import { hasAttention } from './mixer-tensors.js';
import type { ModelSpec } from './spec.js';

/** The layer whose keys and values a layer uses: mostly its own. */
export function keyValueLayer(spec: ModelSpec, layer: number): number {
  const first = spec.numLayers - spec.sharedKeyValueLayers;
  if (layer < first) return layer;
  let source = first - 1;
  while (slides(spec, source) !== slides(spec, layer)) source--;
  return source;
}

export const hasKeys = (spec: ModelSpec, layer: number): boolean => keyValueLayer(spec, layer) === layer;

/** True for a layer that projects values apart from keys. */
export const hasValues = (spec: ModelSpec, layer: number): boolean =>
  hasKeys(spec, layer) && !(spec.keysAsValues && !slides(spec, layer));

/** Layers whose keys and values are of one shape. */
export interface KeyValueGroup extends LayerHeads {
  layers: number[];
}

/** The layers that keep keys and values, by their shape. */
export function keyValueGroups(spec: ModelSpec): KeyValueGroup[] {
  const groups: KeyValueGroup[] = [];
  if (spec.compressedAttention) return groups;
  for (let layer = 0; layer < spec.numLayers; layer++) {
    if (!hasAttention(spec, layer) || !hasKeys(spec, layer)) continue;
    const { headDim, numKeyValueHeads } = headsOf(spec, layer);
    const known = groups.find((one) => one.headDim === headDim && one.numKeyValueHeads === numKeyValueHeads);
    if (known) known.layers.push(layer);
    else groups.push({ headDim, numKeyValueHeads, layers: [layer] });
  }
  return groups;
}
