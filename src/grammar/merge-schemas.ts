import { ownPart, type Refusal, type Schema, type SchemaObject, same } from './schema-values.js';

type Merger = (a: never, b: never, refuse: Refusal) => unknown;

const larger = (a: number, b: number) => Math.max(a, b);
const smaller = (a: number, b: number) => Math.min(a, b);
const both = (a: Schema, b: Schema): Schema => ({ allOf: [a, b] });

/** How two values of a keyword become one that asks for both. */
const MERGERS: Readonly<Record<string, Merger>> = {
  type: sharedTypes,
  enum: (a: unknown[], b: unknown[]) => a.filter((value) => b.some((other) => same(value, other))),
  pattern: (a: unknown, b: unknown) => mergedPatterns([...patternsIn(a), ...patternsIn(b)]),
  required: (a: string[], b: string[]) => [...new Set([...a, ...b])],
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
};

/** Lists of patterns of which all are asked for. No schema may hold one: a pattern is a text. */
const MERGED = new WeakSet<object>();

function mergedPatterns(patterns: readonly unknown[]): readonly unknown[] {
  const merged = [...new Set(patterns)];
  MERGED.add(merged);
  return merged;
}

/** The patterns that a merged schema asks for. */
export function patternsIn(pattern: unknown): readonly unknown[] {
  if (Array.isArray(pattern) && MERGED.has(pattern)) return pattern;
  return pattern === undefined ? [] : [pattern];
}

/** One schema that asks for all that each of `schemas` does. Throws by `refuse` where that cannot be written as one. */
export function mergeSchemas(schemas: readonly SchemaObject[], refuse: Refusal): SchemaObject {
  return schemas.reduce<SchemaObject>((merged, next) => mergeTwo(merged, next, refuse), {});
}

function mergeTwo(a: SchemaObject, b: SchemaObject, refuse: Refusal): SchemaObject {
  const merged: SchemaObject = { ...a, ...b };
  for (const [keyword, value] of Object.entries(b)) {
    const before = ownPart(a, keyword);
    if (before === undefined || same(before, value)) continue;
    const merger = ownPart(MERGERS, keyword);
    if (merger) merged[keyword] = merger(before as never, value as never, refuse);
    else if (keyword === 'const') merged.enum = [before, value].filter((one) => same(one, before) && same(one, value));
    else if (keyword === 'items' || keyword === 'additionalProperties')
      merged[keyword] = both(before as Schema, value as Schema);
    else if (keyword !== 'properties')
      refuse(`two parts of it ask for ${keyword} in different ways, and both have to be kept`);
  }
  if (a.properties || b.properties) merged.properties = mergedProperties(a, b);
  return merged;
}

/** A property that one of two schemas does not name falls under its `additionalProperties`. */
function mergedProperties(a: SchemaObject, b: SchemaObject): Record<string, Schema> {
  const [inA, inB] = [a.properties ?? {}, b.properties ?? {}];
  const merged: [string, Schema][] = Object.keys({ ...inA, ...inB }).map((name) => {
    const parts = [ownPart(inA, name) ?? a.additionalProperties, ownPart(inB, name) ?? b.additionalProperties].filter(
      (part) => part !== undefined && part !== true,
    ) as Schema[];
    return [name, parts.length === 2 ? both(parts[0], parts[1]) : (parts[0] ?? true)];
  });
  return Object.fromEntries(merged);
}

function sharedTypes(a: string | string[], b: string | string[]): string[] {
  const [inA, inB] = [[a].flat(), [b].flat()];
  const allows = (types: string[], type: string) =>
    types.includes(type) || (type === 'integer' && types.includes('number'));
  const shared = [...inA.filter((type) => allows(inB, type)), ...inB.filter((type) => allows(inA, type))];
  return [...new Set(shared)];
}
