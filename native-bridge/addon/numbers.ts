import { type BridgeActivation, BridgeError } from '../bridge.js';
import { FORMATS, isRowFormat } from '../formats.js';

/** Activations by the number that activation.h gives them. */
export const ACTIVATIONS: readonly BridgeActivation[] = [
  'relu',
  'silu',
  'gelu',
  'gelu-tanh',
  'clamped-swiglu',
  'relu-squared',
  'clamped-silu',
];

export function formatId(format: string): number {
  if (!isRowFormat(format)) throw new BridgeError('USAGE', `there is no kernel for format ${format}`);
  return FORMATS[format].id;
}
