import type { Schema } from '../../grammar/schema-values.js';
import type { ToolSignature } from '../dialects/dialect.js';

/** A tool without parameters takes none; arguments are an object, also where the schema does not say so. */
export function argumentsSchema({ parameters }: ToolSignature): Exclude<Schema, boolean> {
  if (parameters === null) return { type: 'object', properties: {}, additionalProperties: false };
  return parameters.type === undefined ? { ...parameters, type: 'object' } : parameters;
}
