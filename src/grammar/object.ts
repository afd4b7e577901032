import type { Grammar, NodeId } from './grammar.js';
import type { Refusal, Schema, SchemaObject } from './schema-values.js';
import type { ValueGrammar } from './values.js';

/** What an object's schema needs of the rest. */
export interface ObjectParts {
  /** The node of a property's values. */
  valueOf: (name: string, schema: Schema) => NodeId;
  /** False where it is plain that no value is valid. */
  isPossible: (schema: Schema) => boolean;
  refuse: Refusal;
  bad: Refusal;
}

/** A member of an object, or what is like it. */
export interface Entry {
  node: NodeId;
  required: boolean;
}

/**
 * Objects by `properties`, `required` and `additionalProperties`. Properties come in the order in which the schema
 * names them, each at most once.
 */
export function objectNode(values: ValueGrammar, schema: SchemaObject, parts: ObjectParts): NodeId {
  const { grammar } = values;
  const { properties = {}, required = [], additionalProperties } = schema;
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties))
    return parts.bad('properties is an object of schemas');
  if (!Array.isArray(required) || required.some((name) => typeof name !== 'string'))
    return parts.bad('required is a list of names');
  const others = additionalProperties ?? Object.keys(properties).length + required.length === 0;
  // A property that only `required` names may be anything that the others may be. As a map, it may have any name.
  const named = new Map<string, Schema>(Object.entries(properties));
  for (const name of required) if (!named.has(name)) named.set(name, additionalProperties ?? true);
  const entries: Entry[] = [];
  for (const [name, part] of named) {
    const isRequired = required.includes(name);
    if (!parts.isPossible(part)) {
      if (isRequired) return grammar.choice();
      continue;
    }
    const node = values.member(name, parts.valueOf(name, part));
    entries.push({ node, required: isRequired });
  }
  const other = parts.isPossible(others)
    ? grammar.sequence(values.otherKey([...named.keys()]), values.colon(), parts.valueOf('*', others))
    : null;
  return values.wrapped('{', membersFrom(grammar, values.comma(), entries, other), '}');
}

/** Members in order, and then any number of `other`, with commas between them. */
export function membersFrom(grammar: Grammar, comma: NodeId, entries: readonly Entry[], other: NodeId | null): NodeId {
  const more =
    other === null ? grammar.empty : grammar.repeat(grammar.sequence(comma, other), 0, Number.POSITIVE_INFINITY);
  // What may follow where nothing was written yet, and where something was.
  let [atFirst, later] = [other === null ? grammar.empty : grammar.optional(grammar.sequence(other, more)), more];
  for (const { node, required } of [...entries].reverse()) {
    const begun = grammar.sequence(node, later);
    const added = grammar.sequence(comma, node, later);
    [atFirst, later] = required ? [begun, added] : [grammar.choice(begun, atFirst), grammar.choice(added, later)];
  }
  return atFirst;
}
