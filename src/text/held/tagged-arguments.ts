import { freeText } from '../../grammar/free-text.js';
import type { Grammar, NodeId } from '../../grammar/grammar.js';
import type { JsonGrammar } from '../../grammar/json.js';
import { markBytes, markNode } from '../../grammar/marks.js';
import type { Schema, SchemaObject } from '../../grammar/schema-values.js';
import type { HeldPart, HeldTags, ToolSignature } from '../dialects/dialect.js';
import { typesOfArgument } from '../dialects/typed-value.js';
import { argumentsSchema } from './arguments-schema.js';

/** What tags need of the calls that they stand in. */
interface Calls {
  grammar: Grammar;
  json: JsonGrammar;
  /** Parts that have nothing of a tool. */
  spaced(parts: readonly HeldPart[]): NodeId;
  /** A schema's node, or `otherwise` where it cannot be kept and need not. */
  kept(tool: ToolSignature, schema: Schema, root: Schema, otherwise: () => NodeId): NodeId;
  refuse(tool: ToolSignature, why: string, otherwise: () => NodeId): NodeId;
}

/** What of a text's schema its letters alone would not keep. */
const OF_TEXTS: readonly string[] = ['pattern', 'format', 'minLength', 'maxLength'];

/**
 * Arguments as tags: the parameters that the schema names, in its order. A text stands bare, up to the closing tag; all
 * else is JSON. Where the schema names none, any tag may come.
 */
export function taggedArguments(calls: Calls, tags: HeldTags, tool: ToolSignature): NodeId {
  const { grammar } = calls;
  const schema = argumentsSchema(tool);
  const { properties, required = [] } = schema;
  const isSimple = typeof properties === 'object' && properties !== null && schema.type === 'object';
  if (!isSimple || schema.anyOf || schema.oneOf || schema.allOf || schema.$ref)
    return calls.refuse(tool, 'it is no object with properties of its own', () => anyTags(calls, tags));
  const entries = Object.entries(properties as Record<string, Schema>).map(([name, part]) => {
    const value = valueNode(calls, tags, tool, name, part);
    const entry = grammar.sequence(calls.spaced(tags.key), grammar.literal(name), calls.spaced(tags.value), value);
    return Array.isArray(required) && required.includes(name) ? entry : grammar.optional(entry);
  });
  return grammar.sequence(...entries);
}

/** A value, its closing tag, and what follows that. */
function valueNode(calls: Calls, tags: HeldTags, tool: ToolSignature, name: string, part: Schema): NodeId {
  const { grammar, json } = calls;
  const types = typesOfArgument(name, tool);
  const close = () => grammar.sequence(markNode(grammar, tags.end), calls.spaced(tags.after));
  if (types.length > 0 && !types.includes('string')) {
    const value = calls.kept(tool, part, argumentsSchema(tool), () => json.value);
    return grammar.sequence(value, json.space, close());
  }
  const schema: SchemaObject = typeof part === 'object' && part !== null ? part : {};
  const listed = 'const' in schema ? [schema.const] : schema.enum;
  if (Array.isArray(listed) && listed.length > 0 && listed.every((value) => isPlain(value, tags.end)))
    return grammar.sequence(
      grammar.choice(...listed.map((value) => grammar.literal(value as string))),
      calls.spaced(tags.before),
      close(),
    );
  const beyond = Object.keys(schema).find((keyword) => OF_TEXTS.includes(keyword) || listed !== undefined);
  const unread = types.length === 0 && Object.keys(schema).some((keyword) => READ_AS_TEXT.includes(keyword));
  if (beyond === undefined && !unread) return bareText(calls, tags);
  const why = `the parameter ${JSON.stringify(name)} is written as a bare text, of which ${beyond ?? 'its schema'} cannot be kept`;
  return calls.refuse(tool, why, () => bareText(calls, tags));
}

/** Keywords that may ask for something other than a text, where no type says so. */
const READ_AS_TEXT: readonly string[] = ['$ref', 'allOf', 'not', 'properties', 'items', 'minimum', 'maximum'];

const isPlain = (value: unknown, end: string): boolean => typeof value === 'string' && !value.includes(end);

/** Any text up to the closing tag. */
function bareText(calls: Calls, { end, after }: HeldTags): NodeId {
  const follow = calls.spaced(after);
  const marks = markBytes(end).map((bytes) => ({ bytes, follow: () => follow }));
  return freeText(calls.grammar, marks, false).text;
}

function anyTags(calls: Calls, tags: HeldTags): NodeId {
  const { grammar } = calls;
  const letter = grammar.byte(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.'));
  const name = grammar.repeat(letter, 1, 64);
  const tag = grammar.sequence(calls.spaced(tags.key), name, calls.spaced(tags.value), bareText(calls, tags));
  return grammar.repeat(tag, 0, Number.POSITIVE_INFINITY);
}
