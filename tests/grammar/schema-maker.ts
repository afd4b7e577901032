import type { Schema, SchemaObject } from '../../dist/src/grammar/schema-values.js';

/** Makes schemas of at most `depth` schemas within each other. */
export class SchemaMaker {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  schema(depth: number): Schema {
    const kinds = ['string', 'integer', 'number', 'enum', 'const', 'null', 'boolean'];
    const nested = ['object', 'object', 'array', 'anyOf', 'oneOf', 'allOf', 'ref', 'types'];
    const kind = this.#one(depth > 0 ? [...kinds, ...nested] : kinds);
    switch (kind) {
      case 'string':
        return this.#string();
      case 'integer':
      case 'number':
        return this.#number(kind);
      case 'enum':
        return { enum: this.#some(['a', 'é"\\', 1, -2.5, null, true, [1, { b: 'c' }], { x: [] }]) };
      case 'const':
        return { const: this.#one<unknown>(['on', 0, false, ['x'], { k: null }]) };
      case 'object':
        return this.object(depth);
      case 'array':
        return this.#array(depth);
      case 'anyOf':
        return { anyOf: this.#list(1, 3, () => this.schema(depth - 1)) };
      case 'oneOf':
        return { oneOf: ['circle', 'square', 'line'].map((name) => this.#tagged(name, depth)) };
      case 'allOf':
        return { allOf: [this.object(depth - 1, 'p'), this.object(depth - 1, 'q')] };
      case 'ref':
        return { $ref: '#/$defs/tree' };
      case 'types':
        return { type: this.#some(['string', 'integer', 'null', 'boolean']) };
      default:
        return { type: kind };
    }
  }

  #string(): SchemaObject {
    const patterns = ['^[a-z]+$', '^(yes|no)$', '^\\d{3}-[A-Z]?$', '^[^"\\\\]{1,4}$', '"'];
    const length = Math.floor(4 * this.#random());
    return this.#one<SchemaObject>([
      { type: 'string' },
      { type: 'string', minLength: length, maxLength: length + 3 },
      { type: 'string', maxLength: 6 },
      { type: 'string', pattern: this.#one(patterns) },
      { type: 'string', format: this.#one(['date', 'uuid', 'ipv4']) },
    ]);
  }

  #number(type: string): SchemaObject {
    const bound = () => this.#one([-1000, -7.25, -1, 0, 0.001, 1, 3, 42, 99.5, 12345]);
    const keywords: Record<string, number> = {};
    if (this.#random() < 0.6) keywords[this.#one(['minimum', 'exclusiveMinimum'])] = bound();
    if (this.#random() < 0.6) keywords[this.#one(['maximum', 'exclusiveMaximum'])] = bound();
    return { type, ...keywords };
  }

  object(depth: number, prefix = ''): SchemaObject {
    const names = this.#some(['id', 'idle', 'na"me', 'é', 'x', 'y\n']).map((name) => prefix + name);
    const properties = Object.fromEntries(names.map((name) => [name, this.schema(depth - 1)]));
    const required = names.filter(() => this.#random() < 0.5);
    const others = prefix === '' && this.#random() < 0.3 ? { additionalProperties: this.schema(0) } : {};
    return { type: 'object', properties, required, ...others };
  }

  #tagged(name: string, depth: number): SchemaObject {
    const properties = { kind: { const: name }, value: this.schema(depth - 1) };
    return { type: 'object', properties, required: ['kind'] };
  }

  #array(depth: number): SchemaObject {
    const minItems = Math.floor(3 * this.#random());
    const prefixItems = this.#list(1, 2, () => this.schema(depth - 1));
    return {
      ...{ type: 'array', minItems, maxItems: minItems + 2 },
      ...(this.#random() < 0.4 ? { prefixItems } : {}),
      items: this.#random() < 0.15 ? false : this.schema(depth - 1),
    };
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(of.length * this.#random())];
  }

  #some<T>(of: readonly T[]): T[] {
    const some = of.filter(() => this.#random() < 0.5);
    return some.length > 0 ? some : [of[0]];
  }

  #list<T>(min: number, max: number, make: () => T): T[] {
    return Array.from({ length: min + Math.floor((max - min + 1) * this.#random()) }, make);
  }
}

/** What `$ref` of the schemas leads to, under `$defs`. */
export const TREE = {
  type: 'object',
  properties: { leaf: { type: 'integer' }, left: { $ref: '#/$defs/tree' } },
  required: [],
};
