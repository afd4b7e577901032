import { isAnnotation, isIdle } from '../../grammar/idle-keywords.js';
import type { Schema } from '../../grammar/schema-values.js';
import type { ToolSignature } from '../dialects/dialect.js';

const NO_ARGUMENTS = { type: 'object', properties: {}, additionalProperties: false };

/**
 * A tool without parameters takes none; arguments are an object, also where the schema does not say so. A schema that
 * only says that its `properties` are none is of such a tool, too: so do all clients write it.
 */
export function argumentsSchema({ parameters }: ToolSignature): Exclude<Schema, boolean> {
  if (parameters === null || namesNone(parameters)) return NO_ARGUMENTS;
  const types = [parameters.type ?? 'object'].flat();
  return types.includes('object') ? { ...parameters, type: 'object' } : parameters;
}

function namesNone({ type = 'object', properties, required, ...rest }: Readonly<Record<string, unknown>>): boolean {
  const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return type === 'object' && isEmpty(properties) && isEmpty(required ?? []) && Object.keys(rest).every(isAnnotation);
}

/** A parameter that a tool's schema names. */
export interface Parameter {
  name: string;
  schema: Schema;
  required: boolean;
}

const READ: readonly string[] = ['type', 'properties', 'required', 'additionalProperties'];

/**
 * The parameters that a tool's schema names, in its order, and the schema of others; null where it says more than that.
 */
export function parametersOf(tool: ToolSignature): { parameters: Parameter[]; others: Schema } | null {
  const schema = argumentsSchema(tool);
  const { type, properties, required = [], additionalProperties } = schema;
  const saysMore = Object.keys(schema).some((keyword) => !READ.includes(keyword) && !isIdle(keyword, schema));
  if (saysMore || type !== 'object' || typeof properties !== 'object' || properties === null) return null;
  if (!Array.isArray(required)) return null;
  // One that only `required` names may be anything that others may be.
  const unnamed = required.filter((name) => !Object.hasOwn(properties, name));
  const named = [
    ...Object.entries(properties),
    ...unnamed.map((name) => [name, additionalProperties ?? true] as const),
  ];
  return {
    parameters: named.map(([name, part]) => ({ name, schema: part, required: required.includes(name) })),
    others: additionalProperties ?? named.length === 0,
  };
}
