import { freeText } from '../../grammar/free-text.js';
import type { NodeId } from '../../grammar/grammar.js';
import { isIdle } from '../../grammar/idle-keywords.js';
import type { Schema, SchemaObject } from '../../grammar/schema-values.js';
import type { HeldTags, ToolSignature } from '../dialects/dialect.js';
import { typesOfArgument } from '../dialects/typed-value.js';
import { argumentsSchema, type Parameter, parametersOf } from './arguments-schema.js';
import type { Calls } from './calls.js';

/** A tag ends, or its name does, with any other character. */
const NAME = /^[^<>\s"'=\p{Surrogate}]+$/u;

/**
 * Arguments as tags: the parameters that the schema names, in its order. A text stands bare, up to the closing tag; all
 * else is JSON. Where the schema names none, any tag may come.
 */
export function taggedArguments(calls: Calls, tags: HeldTags, tool: ToolSignature): NodeId {
  const named = parametersOf(tool);
  if (named === null || named.parameters.some(({ name }) => !NAME.test(name)))
    return calls.refuse(tool, 'it is no object with properties of its own alone, whose names fit a tag', () =>
      anyTags(calls, tags),
    );
  return calls.grammar.sequence(
    ...named.parameters.map((parameter) => new TaggedParameter(calls, tags, tool, parameter).node()),
  );
}

class TaggedParameter {
  readonly #calls: Calls;
  readonly #tags: HeldTags;
  readonly #tool: ToolSignature;
  readonly #parameter: Parameter;
  /** Types that the schema gives it; none where it gives none. */
  readonly #types: readonly string[];

  constructor(calls: Calls, tags: HeldTags, tool: ToolSignature, parameter: Parameter) {
    this.#calls = calls;
    this.#tags = tags;
    this.#tool = tool;
    this.#parameter = parameter;
    this.#types = namesTypes(parameter.schema) ? typesOfArgument(parameter.name, tool) : [];
  }

  /** The parameter from its tag on. */
  node(): NodeId {
    const { grammar } = this.#calls;
    const { name, schema, required } = this.#parameter;
    if (schema === false) return required ? grammar.choice() : grammar.empty;
    const { key, value } = this.#tags;
    const written = this.#tags.json ? this.#either(this.#tags.json) : this.#entry(value, this.#bareOrJson());
    const entry = grammar.sequence(this.#calls.spaced(key), grammar.literal(name), written);
    return required ? entry : grammar.optional(entry);
  }

  /** Where the tag says which of both it is, a text that has to keep more than its letters is JSON. */
  #either(head: NonNullable<HeldTags['json']>): NodeId {
    const { grammar } = this.#calls;
    const isText = this.#mayBeText && this.#unkept === undefined;
    const text = isText ? [this.#entry(this.#tags.value, this.#bare())] : [];
    const isAlone = isText && this.#types.length === 1;
    return grammar.choice(...text, ...(isAlone ? [] : [this.#entry(head, this.#json())]));
  }

  #bareOrJson(): NodeId {
    if (!this.#mayBeText) return this.#json();
    const unkept = this.#unkept;
    if (unkept === undefined) return this.#bare();
    const name = JSON.stringify(this.#parameter.name);
    const why = `the parameter ${name} is written as a bare text, of which ${unkept} cannot be kept`;
    return this.#calls.refuse(this.#tool, why, () => this.#text());
  }

  get #mayBeText(): boolean {
    return this.#types.length === 0 || this.#types.includes('string');
  }

  /** What of the schema a bare text would not keep. */
  get #unkept(): string | undefined {
    const { schema } = this.#parameter;
    return this.#listed ? undefined : beyondTypes(schema);
  }

  /** The texts that it may be, where the schema lists them and nothing else. */
  get #listed(): readonly string[] | null {
    const schema = this.#parameter.schema as SchemaObject;
    const listed = 'const' in Object(schema) ? [schema.const] : Object(schema).enum;
    const { end } = this.#tags;
    const isPlain = (value: unknown) => typeof value === 'string' && !value.includes(end);
    return Array.isArray(listed) && listed.length > 0 && listed.every(isPlain) ? (listed as string[]) : null;
  }

  /** A bare text, its closing tag, and what follows that. */
  #bare(): NodeId {
    const { grammar } = this.#calls;
    const listed = this.#listed;
    if (!listed) return this.#text();
    const texts = grammar.choice(...listed.map((text) => grammar.literal(text)));
    return grammar.sequence(texts, this.#calls.spaced(this.#tags.before), this.#close());
  }

  #text(): NodeId {
    return bareText(this.#calls, this.#tags);
  }

  #json(): NodeId {
    const { grammar, json } = this.#calls;
    const root: Schema = argumentsSchema(this.#tool);
    const value = this.#calls.kept(this.#tool, this.#parameter.schema, root, json, () => json.value);
    return grammar.sequence(value, json.space, this.#close());
  }

  #entry(head: HeldTags['value'], value: NodeId): NodeId {
    return this.#calls.grammar.sequence(this.#calls.spaced(head), value);
  }

  #close(): NodeId {
    return this.#calls.grammar.sequence(this.#calls.mark(this.#tags.end), this.#calls.spaced(this.#tags.after));
  }
}

const branchesOf = ({ anyOf, oneOf }: SchemaObject): Schema[] =>
  [anyOf, oneOf].flatMap((branches) => (Array.isArray(branches) ? branches : []));

/** A keyword that says more than which types there are; undefined where none does. */
function beyondTypes(schema: Schema): string | undefined {
  if (typeof schema !== 'object') return schema ? undefined : 'its schema';
  const isPlain = branchesOf(schema).every((branch) => beyondTypes(branch) === undefined);
  return Object.keys(schema).find((keyword) => {
    if (keyword === 'anyOf' || keyword === 'oneOf') return !isPlain;
    return keyword !== 'type' && !isIdle(keyword, schema);
  });
}

/** Whether it says of all that is valid which types it has. */
function namesTypes(schema: Schema): boolean {
  if (typeof schema !== 'object') return false;
  if ('type' in schema || 'const' in schema || 'enum' in schema) return true;
  const branches = branchesOf(schema);
  return branches.length > 0 && branches.every(namesTypes);
}

/** Any text up to the closing tag. */
function bareText(calls: Calls, { end, after }: HeldTags): NodeId {
  const follow = calls.spaced(after);
  const marks = calls.markBytes(end).map((bytes) => ({ bytes, follow: () => follow }));
  return freeText(calls.grammar, marks, false).text;
}

function anyTags(calls: Calls, tags: HeldTags): NodeId {
  const { grammar } = calls;
  const letter = grammar.byte(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.'));
  const name = grammar.repeat(letter, 1, 64);
  const tag = grammar.sequence(calls.spaced(tags.key), name, calls.spaced(tags.value), bareText(calls, tags));
  return grammar.repeat(tag, 0, Number.POSITIVE_INFINITY);
}
