import { keyValueBytes } from '../../native-bridge/memory.js';
import type { ModelSpec } from '../model/spec.js';

const MAX_DEFAULT_CONTEXT = 4096;

export const defaultContext = (spec: ModelSpec): number => Math.min(spec.contextLength, MAX_DEFAULT_CONTEXT);

/** Bytes of keys and values once the context is full. */
export function stateBytes(spec: ModelSpec, contextSize: number, format: 'f16' | 'f32'): number {
  const { numLayers, numKeyValueHeads, headDim } = spec;
  // 16 bits a value are integers with scales: bridge.ts says why.
  return keyValueBytes({ numLayers, numKeyValueHeads, headDim, contextSize, format: format === 'f16' ? 'i16' : 'f32' });
}
