import { ownPart, type SchemaObject } from './schema-values.js';

/** Keywords that say nothing about which values are valid (JSON Schema draft 2020-12, OpenAPI, and older drafts). */
const ANNOTATIONS = new Set([
  ...['$schema', '$id', 'id', '$anchor', '$comment', '$vocabulary', '$defs', 'definitions', 'title', 'description'],
  ...['default', 'examples', 'example', 'deprecated', 'readOnly', 'writeOnly', 'contentEncoding', 'contentMediaType'],
  ...['contentSchema', 'strict', 'externalDocs', 'xml'],
]);

/** Keywords beside which a schema does not know alone which properties and items were looked at. */
const COMBINING = ['$ref', '$dynamicRef', 'allOf', 'anyOf', 'oneOf', 'if', 'dependentSchemas', 'dependencies'];

type Idle = (value: unknown, schema: SchemaObject) => boolean;

const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const isObject = (value: unknown): value is SchemaObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const without =
  (...keywords: string[]): Idle =>
  (_, schema) =>
    !keywords.some((keyword) => Object.hasOwn(schema, keyword));

/** When a keyword restricts nothing in its place. */
const IDLE: Readonly<Record<string, Idle>> = {
  propertyNames: allowsAllTexts,
  minProperties: (value) => value === 0,
  minLength: isZeroBesideType,
  minItems: isZeroBesideType,
  uniqueItems: (value) => value === false,
  patternProperties: isEmpty,
  dependentRequired: isEmpty,
  dependentSchemas: isEmpty,
  dependencies: isEmpty,
  not: (value) => value === false,
  nullable: (value) => value === false,
  if: without('then', 'else'),
  // biome-ignore lint/suspicious/noThenProperty: the keyword has this name, and nobody waits for the table
  then: without('if'),
  else: without('if'),
  contains: (_, schema) => schema.minContains === 0 && !Object.hasOwn(schema, 'maxContains'),
  minContains: (value, schema) => value === 0 || !Object.hasOwn(schema, 'contains'),
  maxContains: without('contains'),
  additionalItems: (value, schema) => allowsAll(value) || !Array.isArray(schema.items),
  unevaluatedProperties: (value, schema) => allowsAll(value) || Object.hasOwn(schema, 'additionalProperties'),
  unevaluatedItems: (value, schema) => allowsAll(value) || Object.hasOwn(schema, 'items'),
};

/** Whether a keyword says nothing about which values are valid. Those that begin with `x-` are of OpenAPI's tools. */
export const isAnnotation = (keyword: string): boolean => ANNOTATIONS.has(keyword) || keyword.startsWith('x-');

/** Whether a keyword restricts nothing in its schema. */
export const isIdle = (keyword: string, schema: SchemaObject): boolean =>
  isAnnotation(keyword) || ownPart(IDLE, keyword)?.(schema[keyword], schema) === true;

/**
 * A schema without the keywords that restrict nothing. Others are written as those that are kept and say the same:
 * where nothing is combined, what is not evaluated is what is additional, and names that are listed are properties.
 */
export function plainerSchema(schema: SchemaObject): SchemaObject {
  const kept = Object.fromEntries(Object.entries(schema).filter(([keyword]) => !isIdle(keyword, schema)));
  if (COMBINING.some((keyword) => Object.hasOwn(schema, keyword))) return withListedNames(kept);
  const { unevaluatedProperties, unevaluatedItems, ...rest } = kept;
  const properties = unevaluatedProperties === undefined ? {} : { additionalProperties: unevaluatedProperties };
  const items = unevaluatedItems === undefined ? {} : { items: unevaluatedItems };
  return withListedNames({ ...rest, ...(properties as SchemaObject), ...(items as SchemaObject) });
}

function withListedNames(schema: SchemaObject): SchemaObject {
  const { propertyNames, ...rest } = schema;
  const { properties, additionalProperties = true } = rest;
  const names = isObject(propertyNames) ? listedNames(propertyNames) : null;
  if (names === null || !isObject(properties ?? {})) return schema;
  const listed = names.map((name) => [name, ownPart(properties ?? {}, name) ?? additionalProperties] as const);
  return { ...rest, properties: Object.fromEntries(listed), additionalProperties: false };
}

/** The names that a schema of names lists, where it says nothing else; null where it does. */
function listedNames({ enum: names, ...rest }: SchemaObject): string[] | null {
  const isList = Array.isArray(names) && names.every((name) => typeof name === 'string');
  return isList && allowsAllTexts(rest) ? (names as string[]) : null;
}

function allowsAll(schema: unknown): boolean {
  return schema === true || (isObject(schema) && Object.keys(schema).every((keyword) => isIdle(keyword, schema)));
}

/** Names of properties are texts. */
function allowsAllTexts(schema: unknown): boolean {
  if (!isObject(schema)) return schema === true;
  const { type = 'string', ...rest } = schema;
  return [type].flat().includes('string') && allowsAll(rest);
}

/** Without a type it tells which one is meant. */
function isZeroBesideType(value: unknown, schema: SchemaObject): boolean {
  return value === 0 && Object.hasOwn(schema, 'type');
}
