import { FlashrowError, shown } from '../errors.js';

/** Far above any size in a model. Products of two sizes stay exact below it. */
const MAX_SIZE = 2 ** 26 - 1;

/**
 * Typed, checked access to a checkpoint's configuration: config.json of a Hugging Face folder, or the metadata of a
 * GGUF file. Null counts as absent. Every getter throws CORRUPT where a value is missing or of the wrong kind.
 */
export class Fields {
  /** The file, for messages. */
  readonly where: string;
  readonly #lookup: (key: string) => unknown;
  readonly #nameOf: (key: string) => string;

  /** `nameOf`: what the file calls a field, for messages. Default: as it is asked for. */
  constructor(where: string, lookup: (key: string) => unknown, nameOf = (key: string) => key) {
    this.where = where;
    this.#lookup = lookup;
    this.#nameOf = nameOf;
  }

  /** Reads own keys only, since a file may hold the key `__proto__`. */
  static of(where: string, values: object): Fields {
    return new Fields(where, (key) =>
      Object.hasOwn(values, key) ? (values as Record<string, unknown>)[key] : undefined,
    );
  }

  raw(key: string): unknown {
    return this.#lookup(key) ?? undefined;
  }

  /** The same fields, some of them under the file's own `names`, and `defaults` for those that it leaves out. */
  called(names: Readonly<Record<string, string>>, defaults: Readonly<Record<string, unknown>> = {}): Fields {
    const nameOf = (key: string) => (Object.hasOwn(names, key) ? names[key] : key);
    const given = (key: string) => this.raw(nameOf(key)) ?? this.raw(key);
    return new Fields(
      this.where,
      (key) => given(key) ?? (Object.hasOwn(defaults, key) ? defaults[key] : undefined),
      (key) => (this.raw(nameOf(key)) === undefined && this.raw(key) !== undefined ? key : nameOf(key)),
    );
  }

  /** A positive whole number. A list with one per layer is accepted if all are equal. Else it throws UNSUPPORTED. */
  size(key: string, fallback?: number): number {
    const found = this.raw(key) ?? fallback;
    let value = found;
    if (Array.isArray(found)) {
      value = found[0];
      if (found.some((other) => other !== value))
        throw this.unsupported(key, `differs from layer to layer (${shown(found)}), which is not supported`);
    }
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_SIZE)
      throw this.#wrong(key, found, `a whole number from 1 to ${MAX_SIZE}`);
    return value;
  }

  /** A positive whole number in a list. */
  item(key: string, index: number): number {
    const value = (this.raw(key) as unknown[])[index];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_SIZE) return value;
    throw this.#wrong(key, this.raw(key), `a list of whole numbers from 1 to ${MAX_SIZE}`);
  }

  /** A list with an entry for each layer. */
  perLayer(key: string, numLayers: number): unknown[] {
    const list = this.raw(key);
    if (Array.isArray(list) && list.length === numLayers) return list;
    throw this.corrupt(
      key,
      Array.isArray(list)
        ? `has ${list.length} entries; it should have one for each of the ${numLayers} layers`
        : `is ${list === undefined ? 'missing' : shown(list)}; it should be a list with an entry for each layer`,
    );
  }

  /** A whole number from 0 to `most`; 0 where it is missing. */
  count(key: string, most: number): number {
    const value = this.raw(key) ?? 0;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most)
      throw this.#wrong(key, value, `a whole number from 0 to ${most}`);
    return value;
  }

  /** A finite number above zero. */
  positive(key: string, fallback?: number): number {
    const value = this.raw(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw this.#wrong(key, value, 'a number above 0');
    return value;
  }

  flag(key: string): boolean | null {
    const value = this.raw(key);
    if (value !== undefined && typeof value !== 'boolean') throw this.#wrong(key, value, 'true or false');
    return value ?? null;
  }

  text(key: string): string | null {
    const value = this.raw(key);
    if (value !== undefined && typeof value !== 'string') throw this.#wrong(key, value, 'text');
    return value ?? null;
  }

  /** The fields of a nested object. */
  object(key: string): Fields | null {
    const value = this.raw(key);
    if (value === undefined) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#wrong(key, value, 'an object');
    return Fields.of(`${this.where}, "${key}"`, value as object);
  }

  corrupt(key: string, problem: string): FlashrowError {
    return this.#refusal('CORRUPT', key, problem);
  }

  unsupported(key: string, problem: string): FlashrowError {
    return this.#refusal('UNSUPPORTED', key, problem);
  }

  #refusal(code: 'CORRUPT' | 'UNSUPPORTED', asked: string, problem: string): FlashrowError {
    const key = this.#nameOf(asked);
    return new FlashrowError(code, `${this.where}: "${key}" ${problem}`, { path: this.where, key });
  }

  #wrong(key: string, value: unknown, needed: string): FlashrowError {
    return this.corrupt(
      key,
      value === undefined ? `is missing; it should be ${needed}` : `is ${shown(value)}; it should be ${needed}`,
    );
  }
}
