import { FlashrowError, shown } from '../errors.js';
import { holdsLoneSurrogate } from './code-points.js';
import type { AnswerGrammar } from './constraint.js';
import { areDisjoint } from './disjoint.js';
import { FORMATS, OTHER_FORMATS } from './formats.js';
import { Grammar, type NodeId } from './grammar.js';
import { heldText } from './held-text.js';
import { plainerSchema } from './idle-keywords.js';
import { JsonGrammar } from './json.js';
import { mergeSchemas, patternsIn } from './merge-schemas.js';
import { type Bound, integersBetween, numbersBetween } from './number-range.js';
import { objectNode } from './object.js';
import {
  isOfType,
  namesIn,
  type Refusal,
  type Schema,
  type SchemaObject,
  same,
  TYPES,
  type TypeName,
  textsIn,
  typesOf,
} from './schema-values.js';
import type { ValueGrammar } from './values.js';

/** The keywords that can be kept for values of each type. */
const KEYWORDS: Readonly<Record<TypeName, readonly string[]>> = {
  null: [],
  boolean: [],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  object: ['properties', 'required', 'additionalProperties'],
};
const SHARED = ['type', 'enum', 'const', 'anyOf', 'oneOf'];
const KNOWN = new Set([...SHARED, ...Object.values(KEYWORDS).flat()]);
/** Schemas within schemas, at most. */
const MOST_DEPTH = 128;
/** Items and characters that may be counted: each makes a state of its own. */
const MOST_COUNTED = 100_000;
/** Bounds nearer to zero would need too many places. */
const LEAST_BOUND = 1e-60;
/** Of a place in a schema, the steps that are told at either end, and the characters of each. */
const [SHOWN_STEPS, SHOWN_STEP] = [6, 40];
const NO_LIMIT = Number.POSITIVE_INFINITY;

/**
 * The texts that are valid for a JSON Schema (draft 2020-12 and what older ones share with it). What is written is
 * always valid; not all that is valid can be written: properties come in the order of the schema, and objects have no
 * others unless `additionalProperties` gives their schema. Throws UNSUPPORTED where a part cannot be kept, and
 * BAD_USAGE where it is no schema, or nothing is valid.
 */
export function schemaGrammar(schema: Schema): AnswerGrammar {
  const json = new JsonGrammar(new Grammar());
  const value = schemaNode(json, schema, { option: 'responseFormat', what: 'the schema of `responseFormat`' });
  return { grammar: json.grammar, root: json.grammar.sequence(json.lead, value), character: json.character };
}

/** Whose schema it is, for what is thrown: the option, and the schema in words. */
export interface SchemaOwner {
  option: string;
  what: string;
  /** What `$ref` leads into; default the schema itself. */
  root?: Schema;
}

/** The same as a node of a grammar that holds more. */
export const schemaNode = (values: ValueGrammar, schema: Schema, owner: SchemaOwner): NodeId =>
  new SchemaCompiler(values, schema, owner).compiled();

class SchemaCompiler {
  readonly #schema: Schema;
  readonly #root: Schema;
  readonly #owner: SchemaOwner;
  readonly #grammar: Grammar;
  readonly #values: ValueGrammar;
  /** Schemas by their text: one that holds itself is a rule that holds itself. */
  readonly #rules = new Map<string, NodeId>();
  /** Where the work is, as a JSON pointer. */
  #path: string[] = [];

  constructor(values: ValueGrammar, schema: Schema, owner: SchemaOwner) {
    this.#values = values;
    this.#grammar = values.grammar;
    this.#schema = schema;
    this.#root = owner.root ?? schema;
    this.#owner = owner;
  }

  compiled(): NodeId {
    const value = this.#node(this.#schema);
    if (!this.#grammar.endingNodes().has(value)) this.#bad('no value is valid for it, or none that ends');
    return value;
  }

  #at<T>(step: string, work: () => T): T {
    if (this.#path.length === MOST_DEPTH) this.#refuse('its parts lie too deep in each other');
    this.#path.push(step);
    const result = work();
    this.#path.pop();
    return result;
  }

  #node(schema: Schema): NodeId {
    const key = JSON.stringify(schema) ?? '';
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    const rule = this.#grammar.rule();
    this.#rules.set(key, rule.node);
    // Where it cannot be kept, a grammar that holds more goes on without it: no rule may stay open.
    rule.define(this.#grammar.choice());
    rule.define(this.#valuesOf(schema));
    return rule.node;
  }

  #valuesOf(schema: Schema): NodeId {
    const merged = this.#resolved(schema);
    if (merged === false) return this.#grammar.choice();
    this.#check(merged);
    const { anyOf, oneOf, ...rest } = merged;
    if (anyOf && oneOf) return this.#refuse('anyOf and oneOf stand side by side');
    const branches = anyOf ?? oneOf;
    if (branches === undefined) return this.#plainValues(rest);
    const name = anyOf ? 'anyOf' : 'oneOf';
    if (!Array.isArray(branches) || branches.length === 0) return this.#bad(`${name} is a list of schemas`);
    if (oneOf) this.#requireDisjoint(oneOf, rest);
    const options = branches.map((branch, i) => this.#at(`${name}/${i}`, () => this.#node({ allOf: [rest, branch] })));
    return this.#grammar.choice(...options);
  }

  /** Values may be valid for one schema of `oneOf` alone. */
  #requireDisjoint(branches: readonly Schema[], rest: SchemaObject): void {
    const resolve = (schema: Schema) => this.#resolved({ allOf: [rest, schema] });
    branches.forEach((a, i) => {
      branches.slice(i + 1).forEach((b, j) => {
        if (!areDisjoint(a, b, resolve))
          this.#refuse(
            `a value might be valid for both ${i} and ${i + 1 + j} of oneOf; write anyOf, or give both a property that they require, with a const of its own`,
          );
      });
    });
  }

  /** References followed and `allOf` joined; false where no value is valid. */
  #resolved(schema: Schema, following: readonly string[] = []): SchemaObject | false {
    if (schema === true) return {};
    if (schema === false) return false;
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      return this.#bad('it is no JSON Schema');
    const { $ref, allOf, ...rest } = plainerSchema(schema);
    if ($ref === undefined && allOf === undefined) return mergeSchemas([rest], this.#refuse);
    const parts: SchemaObject[] = [rest];
    if ($ref !== undefined) {
      if (following.includes($ref)) return this.#bad(`$ref ${JSON.stringify($ref)} leads to itself`);
      const target = this.#resolved(this.#target($ref), [...following, $ref]);
      if (target === false) return false;
      parts.push(target);
    }
    if (allOf !== undefined && !Array.isArray(allOf)) return this.#bad('allOf is a list of schemas');
    for (const part of allOf ?? []) {
      const target = this.#resolved(part, following);
      if (target === false) return false;
      parts.push(target);
    }
    return mergeSchemas(parts, this.#refuse);
  }

  #target(reference: unknown): Schema {
    if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference))
      return this.#refuse(
        `$ref ${JSON.stringify(reference)} leads out of it; only those that begin with #/ are followed`,
      );
    const steps = reference.split('/').slice(1);
    let target: unknown = this.#root;
    for (const step of steps) {
      const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
      target = Object.hasOwn(Object(target), name) ? (target as Record<string, unknown>)[name] : undefined;
    }
    if (target === undefined) return this.#bad(`$ref ${JSON.stringify(reference)} leads to nothing`);
    return target as Schema;
  }

  #check(schema: SchemaObject): void {
    const unknown = Object.keys(schema).find((keyword) => !KNOWN.has(keyword));
    if (unknown !== undefined) this.#refuse(`${unknown} cannot be kept`);
    for (const type of [schema.type ?? []].flat())
      if (!TYPES.includes(type as TypeName)) this.#bad(`type ${JSON.stringify(type)} is none of ${TYPES.join(', ')}`);
  }

  #plainValues(schema: SchemaObject): NodeId {
    const types = typesOf(schema);
    if ('const' in schema || schema.enum) return this.#listed(schema, types);
    if (types === null) return this.#values.value;
    return this.#grammar.choice(...types.map((type) => this.#ofType(type, schema)));
  }

  /** `const` and `enum`. */
  #listed(schema: SchemaObject, types: TypeName[] | null): NodeId {
    const beside = Object.keys(schema).find((keyword) => !SHARED.includes(keyword));
    if (beside !== undefined) return this.#refuse(`${beside} beside a list of values cannot be kept`);
    const { enum: list } = schema;
    if (list !== undefined && !Array.isArray(list)) return this.#bad('enum is a list of values');
    const values = 'const' in schema ? [schema.const] : (list ?? []);
    const both = list ? values.filter((value) => list.some((one) => same(one, value))) : values;
    const valid = both.filter((value) => types === null || types.some((type) => isOfType(value, type)));
    for (const text of valid.flatMap(textsIn)) this.#requireCharacters(text);
    return this.#grammar.choice(...valid.map((value) => this.#values.constant(value)));
  }

  #requireCharacters(text: string): void {
    if (holdsLoneSurrogate(text))
      this.#bad(
        `${JSON.stringify(text)} holds a lone surrogate (half of a pair of UTF-16), which no text in UTF-8 can hold`,
      );
  }

  #ofType(type: TypeName, schema: SchemaObject): NodeId {
    switch (type) {
      case 'null':
        return this.#values.word(null);
      case 'boolean':
        return this.#grammar.choice(this.#values.word(true), this.#values.word(false));
      case 'integer':
      case 'number':
        return this.#number(type, schema);
      case 'string':
        return this.#string(schema);
      case 'array':
        return this.#array(schema);
      case 'object':
        for (const name of namesIn(schema)) this.#requireCharacters(name);
        return objectNode(this.#values, schema, {
          valueOf: (name, part) => this.#at(`properties/${name}`, () => this.#node(part)),
          isPossible: (part) => this.#resolved(part) !== false,
          refuse: this.#refuse,
          bad: this.#bad,
        });
    }
  }

  #number(type: 'integer' | 'number', schema: SchemaObject): NodeId {
    const { multipleOf } = schema;
    if (multipleOf !== undefined && multipleOf !== 1)
      return this.#refuse('multipleOf of anything but 1 cannot be kept');
    const whole = type === 'integer' || multipleOf === 1;
    const range = {
      from: this.#bound(['minimum', 'exclusiveMinimum'], schema),
      to: this.#bound(['maximum', 'exclusiveMaximum'], schema),
    };
    if (range.from === null && range.to === null) return whole ? this.#values.integer : this.#values.number;
    return (whole ? integersBetween : numbersBetween)(this.#values, range) ?? this.#grammar.choice();
  }

  #bound(keywords: readonly [closed: string, open: string], schema: SchemaObject): Bound | null {
    const [closed, open] = keywords.map((keyword) => this.#boundOf(keyword, schema[keyword]));
    if (open === null) return closed === null ? null : { value: closed, open: false };
    const isTighter = closed === null || (keywords[0] === 'minimum' ? open >= closed : open <= closed);
    return isTighter ? { value: open, open: true } : { value: closed, open: false };
  }

  /** A bound that lies further out than numbers are written is where they end. */
  #boundOf(keyword: string, value: unknown): number | null {
    if (value === undefined) return null;
    if (typeof value !== 'number' || !Number.isFinite(value))
      return this.#bad(`${keyword} is a number, not ${shown(value)}`);
    if (value !== 0 && Math.abs(value) < LEAST_BOUND)
      return this.#refuse(`a bound of ${value} cannot be kept; it is 0, or no nearer to it than ${LEAST_BOUND}`);
    const size = Number.MAX_SAFE_INTEGER;
    const outwards = /max/i.test(keyword) ? value : -value;
    if (outwards < -size)
      return this.#refuse(`a bound of ${value} cannot be kept; numbers are written from ${-size} to ${size}`);
    return Math.max(-size, Math.min(size, value));
  }

  #string(schema: SchemaObject): NodeId {
    const { format } = schema;
    const [min, max] = [this.#count(schema, 'minLength', 0), this.#count(schema, 'maxLength', NO_LIMIT)];
    const given = patternsIn(schema.pattern).map((pattern) => {
      if (typeof pattern !== 'string') return this.#bad(`pattern is a text, not ${shown(pattern)}`);
      this.#requireCharacters(pattern);
      return pattern;
    });
    const patterns = format === undefined ? given : [...given, ...this.#patternOf(format, given.length > 0)];
    if (min > max) return this.#grammar.choice();
    if (patterns.length === 0) return this.#values.text(min, max);
    const of = given.length === 0 ? '' : `of pattern ${given.map(shown).join(' and ')}, `;
    const refusals = {
      refuse: (why: string) => this.#refuse(`${of}${why}`),
      bad: (why: string) => this.#bad(`${of}${why}`),
    };
    return this.#values.quoted(heldText(this.#values, { patterns, min, max }, refusals));
  }

  /** A format that JSON Schema does not define says nothing beside a pattern. */
  #patternOf(format: unknown, hasPattern: boolean): string[] {
    if (typeof format !== 'string') return this.#bad(`format is a text, not ${shown(format)}`);
    if (Object.hasOwn(FORMATS, format)) return [FORMATS[format]];
    if (hasPattern && !OTHER_FORMATS.includes(format)) return [];
    return this.#refuse(`format ${shown(format)} cannot be kept; known are ${Object.keys(FORMATS).join(', ')}`);
  }

  #array(schema: SchemaObject): NodeId {
    const { prefixItems = [], items = true } = schema;
    const [min, max] = [this.#count(schema, 'minItems', 0), this.#count(schema, 'maxItems', NO_LIMIT)];
    if (!Array.isArray(prefixItems)) return this.#bad('prefixItems is a list of schemas');
    if (Array.isArray(items)) return this.#refuse('a list as items cannot be kept; write prefixItems');
    const first = prefixItems.map((item, i) => this.#at(`prefixItems/${i}`, () => this.#node(item)));
    const others = this.#resolved(items) === false ? null : this.#at('items', () => this.#node(items));
    const content = this.#items(first, others, min, max);
    return content === null ? this.#grammar.choice() : this.#values.wrapped('[', content, ']');
  }

  /**
   * The first items have their own nodes, all after them `others`, or may not be. Null where no number of them fits.
   */
  #items(first: readonly NodeId[], others: NodeId | null, min: number, max: number): NodeId | null {
    const { grammar } = this.#values;
    if (min > max || (others === null && min > first.length)) return null;
    const most = others === null ? Math.min(max, first.length) : max;
    if (first.length === 0) return others === null ? grammar.empty : this.#values.list(others, min, most);
    // From the last item to the first: each may be the end once there are `min`.
    let after = grammar.empty;
    if (others !== null && most > first.length) {
      const another = grammar.sequence(this.#values.comma(), others);
      after = grammar.repeat(another, Math.max(0, min - first.length), most - first.length);
    }
    for (let i = Math.min(first.length, most) - 1; i >= 0; i--) {
      const item = grammar.sequence(...(i > 0 ? [this.#values.comma()] : []), first[i], after);
      after = i < min ? item : grammar.optional(item);
    }
    return after;
  }

  #count(schema: SchemaObject, keyword: string, otherwise: number): number {
    const value = schema[keyword];
    if (value === undefined) return otherwise;
    if (!Number.isInteger(value) || (value as number) < 0) return this.#bad(`${keyword} is a whole number from 0 on`);
    if ((value as number) > MOST_COUNTED) return this.#refuse(`${keyword} counts beyond ${MOST_COUNTED}`);
    return value as number;
  }

  readonly #refuse: Refusal = (why) => {
    throw this.#error('UNSUPPORTED', why);
  };

  readonly #bad: Refusal = (why) => {
    throw this.#error('BAD_USAGE', why);
  };

  #error(code: 'UNSUPPORTED' | 'BAD_USAGE', why: string): FlashrowError {
    const steps = this.#path.map((step) => `/${step.length > SHOWN_STEP ? `${step.slice(0, SHOWN_STEP)}...` : step}`);
    const [first, last] = [steps.slice(0, SHOWN_STEPS), steps.slice(Math.max(SHOWN_STEPS, steps.length - SHOWN_STEPS))];
    const between = steps.length - first.length - last.length;
    const where = `#${first.join('')}${between > 0 ? `/(${between} more)` : ''}${last.join('')}`;
    const { option, what } = this.#owner;
    return new FlashrowError(code, `${what} cannot be used: at ${where}, ${why}`, { option });
  }
}
