import { FlashrowError, shown } from '../errors.js';
import { MANIFEST_FILE } from './manifest.js';

/** The file of the fields, and the remedy for bad ones, for messages. */
export interface FieldsOrigin {
  file: string;
  remedy: string;
}

const MANIFEST: FieldsOrigin = { file: MANIFEST_FILE, remedy: 'convert the model again' };

/** Throws CORRUPT: the field `where` does not hold what it should. */
export function broken(where: string, found: unknown, expected: string, { file, remedy } = MANIFEST): never {
  const message = `${file}: ${where} is ${found === undefined ? 'missing' : shown(found)}, not ${expected}; ${remedy}`;
  throw new FlashrowError('CORRUPT', message, { file, offset: 0, where });
}

/** Untrusted data, read field by field. Every getter throws CORRUPT where the field has another type or value. */
export class ManifestFields {
  /** The path of this map inside the file; empty for the outermost one. */
  readonly where: string;
  readonly origin: FieldsOrigin;
  readonly #values: Record<string, unknown>;

  constructor(value: unknown, where: string, origin = MANIFEST) {
    this.where = where;
    this.origin = origin;
    if (value === null || typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value)) {
      broken(where, value, 'a map', origin);
    }
    this.#values = value as Record<string, unknown>;
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  path(key: string): string {
    return this.where === '' ? key : `${this.where}.${key}`;
  }

  integer(key: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#get(key);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
      broken(this.path(key), value, `an integer from ${least} to ${most}`, this.origin);
    }
    return value;
  }

  /** A finite number, at least 0. */
  number(key: string): number {
    const value = this.#get(key);
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      broken(this.path(key), value, 'a number', this.origin);
    return value;
  }

  /** A finite number of either sign. */
  anyNumber(key: string): number {
    const value = this.#get(key);
    if (!Number.isFinite(value)) broken(this.path(key), value, 'a number', this.origin);
    return value as number;
  }

  /** `count` finite numbers of either sign. */
  anyNumbers(key: string, count: number): number[] {
    return this.list(key, count).map((value, index) => {
      if (!Number.isFinite(value)) broken(`${this.path(key)}[${index}]`, value, 'a number', this.origin);
      return value as number;
    });
  }

  /** The value, unchecked. */
  any(key: string): unknown {
    return this.#get(key);
  }

  text(key: string): string {
    const value = this.#get(key);
    if (typeof value !== 'string') broken(this.path(key), value, 'text', this.origin);
    return value;
  }

  flag(key: string): boolean {
    const value = this.#get(key);
    if (typeof value !== 'boolean') broken(this.path(key), value, 'true or false', this.origin);
    return value;
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#get(key);
    if (!choices.includes(value as T)) broken(this.path(key), value, `one of ${choices.join(', ')}`, this.origin);
    return value as T;
  }

  bytes(key: string): Uint8Array {
    const value = this.#get(key);
    if (!(value instanceof Uint8Array)) broken(this.path(key), value, 'binary data', this.origin);
    return value;
  }

  fields(key: string): ManifestFields {
    return new ManifestFields(this.#get(key), this.path(key), this.origin);
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  isNull(key: string): boolean {
    return this.#get(key) === null;
  }

  /** With `length` null any length is accepted. */
  list(key: string, length: number | null = null): unknown[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) broken(this.path(key), value, 'a list', this.origin);
    if (length !== null && value.length !== length)
      broken(`${this.path(key)}.length`, value.length, String(length), this.origin);
    return value;
  }

  maps(key: string, length: number | null = null): ManifestFields[] {
    return this.list(key, length).map(
      (value, index) => new ManifestFields(value, `${this.path(key)}[${index}]`, this.origin),
    );
  }

  /** A list of integers from `least` to `most`. */
  integers(key: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number[] {
    return this.list(key).map((value, index) => {
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
        broken(`${this.path(key)}[${index}]`, value, `an integer from ${least} to ${most}`, this.origin);
      }
      return value;
    });
  }

  texts(key: string): string[] {
    return this.list(key).map((value, index) => {
      if (typeof value !== 'string') broken(`${this.path(key)}[${index}]`, value, 'text', this.origin);
      return value;
    });
  }
}
