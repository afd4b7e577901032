/** A JSON Schema: true allows every value, false none. */
export type Schema = boolean | SchemaObject;

/** The keywords that are read by name here; there may be others. */
export interface SchemaObject {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema;
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  [keyword: string]: unknown;
}

/** Throws: says in words why a schema cannot be kept. */
export type Refusal = (why: string) => never;

export const TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type TypeName = (typeof TYPES)[number];

/** The type of a value, `integer` for whole numbers. */
export function typeOf(value: unknown): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as TypeName;
}

export const isOfType = (value: unknown, type: TypeName): boolean =>
  typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer');

/** The types that a schema's keywords speak of, where it names none. */
const TYPES_BY_KEYWORD: Readonly<Record<string, TypeName>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  pattern: 'string',
  format: 'string',
  minLength: 'string',
  maxLength: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};

/**
 * The types that a value may have; null where any. A schema that names none means every type, but its keywords tell
 * what its writer had in mind, and values of that type are valid, too.
 */
export function typesOf(schema: SchemaObject): TypeName[] | null {
  if (schema.type !== undefined) return [schema.type].flat() as TypeName[];
  const types = Object.keys(schema).flatMap((keyword) => ownPart(TYPES_BY_KEYWORD, keyword) ?? []);
  return types.length === 0 ? null : [...new Set(types)];
}

/** What an object itself has under a name that others chose, as `constructor`: what it inherits is none of it. */
export const ownPart = <T>(parts: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(parts, name) ? parts[name] : undefined;

/** The names of properties that an object's schema gives. */
export const namesIn = ({ properties, required }: SchemaObject): string[] => [
  ...Object.keys(properties ?? {}),
  ...[required ?? []].flat(),
];

/** All texts in a value of JSON, names too. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => [name, ...textsIn(part)]);
}

/** Whether two values of JSON are spelt alike, the order of names included. */
export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
