import { shown } from '../errors.js';
import type { Fields } from './fields.js';
import type { Activation } from './spec.js';

/** Hugging Face's names for activations (transformers, activations.py). */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_accurate: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
};

/** The activation that a field names. Without the field it is SiLU. Throws UNSUPPORTED. */
export function activation(fields: Fields, key: string): Activation {
  const name = fields.text(key) ?? 'silu';
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw fields.unsupported(key, `is ${shown(name)}; supported: ${Object.keys(ACTIVATIONS).join(', ')}`);
  return ACTIVATIONS[name];
}
