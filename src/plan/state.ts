import type { ModelSpec } from '../model/spec.js';

const PAGE_POSITIONS = 64;
const MAX_DEFAULT_CONTEXT = 4096;

export const defaultContext = (spec: ModelSpec): number => Math.min(spec.contextLength, MAX_DEFAULT_CONTEXT);

/** Bytes of keys and values once the context is full. */
export function stateBytes(spec: ModelSpec, contextSize: number, format: 'f16' | 'f32'): number {
  const positions = Math.ceil(contextSize / PAGE_POSITIONS) * PAGE_POSITIONS;
  // 16 bits a value come with a scale per head and position: bridge.ts says why.
  const vectorBytes = format === 'f16' ? 2 * spec.headDim + 4 : 4 * spec.headDim;
  return spec.numLayers * positions * 2 * spec.numKeyValueHeads * vectorBytes;
}
