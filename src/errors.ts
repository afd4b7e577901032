import type { ErrorDetails } from './error-details.js';

/** Stable codes: more may be added, none is renamed. The command line prints them, scripts match on them. */
export type ErrorCode = keyof ErrorDetails;

/** A failure with one code, and what is known of it. */
export interface CodedError<C extends ErrorCode> extends Error {
  /** What kind of failure it is. */
  readonly code: C;
  /** What is known of it, as data that JSON can hold. */
  readonly details: ErrorDetails[C];
}

/**
 * Every failure that flashrow reports on purpose. The message says what was wrong, where, and what to do; `details`
 * carries the same as JSON-safe data. One type for each code: after `error.code === 'DISK_FULL'`,
 * `error.details.freeBytes` is a number.
 *
 * A message speaks of the API. An option that stands inside a sentence is written as in code, between backticks, with
 * its value where there is one: `exact: false`, `tuning.selector: 'all'`, and a function with its parentheses:
 * `calibrateStore()`.
 */
export type FlashrowError<C extends ErrorCode = ErrorCode> = { [Code in C]: CodedError<Code> }[C];

/** Details may be left out where none of them is required. */
type Rest<C extends ErrorCode> =
  Record<never, never> extends ErrorDetails[C]
    ? [details?: ErrorDetails[C], options?: ErrorOptions]
    : [details: ErrorDetails[C], options?: ErrorOptions];

interface FlashrowErrorConstructor {
  readonly prototype: FlashrowError;
  new <C extends ErrorCode>(code: C, message: string, ...rest: Rest<C>): FlashrowError<C>;
}

// A class cannot be a union of types, one for each code. The constructor's type says that it makes one of them.
export const FlashrowError = class FlashrowError extends Error {
  readonly code: ErrorCode;
  readonly details: object;

  constructor(code: ErrorCode, message: string, details: object = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FlashrowError';
    this.code = code;
    this.details = details;
  }
} as FlashrowErrorConstructor;

const SHOWN_CHARACTERS = 60;
const SHOWN_ENTRIES = 8;

/** A value as it may stand in a message: short, on one line, whatever a hostile file put there. */
export function shown(value: unknown): string {
  if (value === '') return 'an empty text';
  if (typeof value === 'string')
    return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}...` : value);
  if (Array.isArray(value)) {
    const entries = value.slice(0, SHOWN_ENTRIES).map((entry) => (typeof entry === 'object' ? '...' : shown(entry)));
    return `[${entries.join(', ')}${value.length > SHOWN_ENTRIES ? ', ...' : ''}]`;
  }
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
