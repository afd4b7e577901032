import type { ToolSignature } from './dialect.js';
import { isObject, type JsonObject, jsonOf } from './json-value.js';

/**
 * An argument that was written as bare text, by the type that the tool's schema gives it: a text stays as it is, all
 * else is JSON. What is not of its type stays a text, so that the tool can say what is wrong with it.
 */
export function typedValue(raw: string, name: string, tool: ToolSignature | undefined): unknown {
  const types = typesOfArgument(name, tool);
  if (types.length === 0 || (types.length === 1 && types[0] === 'string')) return raw;
  const text = raw.trim();
  const json = jsonOf(text);
  const value = json === undefined ? pythonWord(text) : json;
  if (value !== undefined && types.some((type) => isOf(value, type))) return value;
  return raw;
}

/** The types that the tool's schema gives an argument; none where it gives none. */
export const typesOfArgument = (name: string, tool: ToolSignature | undefined): string[] =>
  typesOf(propertyOf(tool, name));

function propertyOf(tool: ToolSignature | undefined, name: string): unknown {
  const properties = tool?.parameters?.properties;
  return isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function typesOf(schema: unknown): string[] {
  if (!isObject(schema)) return [];
  const { type, anyOf, oneOf } = schema as JsonObject;
  const listed = 'const' in schema ? [schema.const] : schema.enum;
  if (Array.isArray(listed) && type === undefined) return [...new Set(listed.map(kindOf))];
  const own = Array.isArray(type) ? type : [type];
  const others = [anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? list.flatMap(typesOf) : []));
  return [...own.filter((each): each is string => typeof each === 'string'), ...others];
}

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

function isOf(value: unknown, type: string): boolean {
  const kind = kindOf(value);
  return type === 'integer' ? Number.isInteger(value) : type === kind;
}

/** Models that saw much Python write its words. */
const pythonWord = (text: string): unknown =>
  ({ True: true, False: false, None: null })[text as 'True' | 'False' | 'None'];
