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

  constructor(where: string, lookup: (key: string) => unknown) {
    this.where = where;
    this.#lookup = lookup;
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
    return new FlashrowError('CORRUPT', `${this.where}: "${key}" ${problem}`, { path: this.where, key });
  }

  unsupported(key: string, problem: string): FlashrowError {
    return new FlashrowError('UNSUPPORTED', `${this.where}: "${key}" ${problem}`, { path: this.where, key });
  }

  #wrong(key: string, value: unknown, needed: string): FlashrowError {
    return this.corrupt(
      key,
      value === undefined ? `is missing; it should be ${needed}` : `is ${shown(value)}; it should be ${needed}`,
    );
  }
}
