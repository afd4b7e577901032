/** Stable codes: more may be added, none is renamed. The CLI prints them, scripts match on them. */
export type ErrorCode =
  | 'BAD_USAGE'
  | 'UNSUPPORTED'
  | 'CORRUPT'
  | 'INSUFFICIENT_MEMORY'
  | 'CONTEXT_OVERFLOW'
  | 'DISK_FULL'
  | 'NOT_WRITABLE'
  | 'NOT_FOUND'
  | 'ABORTED'
  | 'BUSY'
  | 'IO';

/**
 * Every failure that flashrow reports on purpose. The message says what was wrong, where, and what to do;
 * `details` carries the same as JSON-safe data.
 */
export class FlashrowError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FlashrowError';
    this.code = code;
    this.details = details;
  }
}

const SHOWN_CHARACTERS = 60;
const SHOWN_ENTRIES = 8;

/** A value as it may stand in a message: short, on one line, whatever a hostile file put there. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}...` : value);
  if (Array.isArray(value)) {
    const entries = value.slice(0, SHOWN_ENTRIES).map((entry) => (typeof entry === 'object' ? '...' : shown(entry)));
    return `[${entries.join(', ')}${value.length > SHOWN_ENTRIES ? ', ...' : ''}]`;
  }
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
