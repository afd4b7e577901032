import { isPlainObject } from './check-arguments.js';

/** What `responseFormat` takes, in words. */
export const RESPONSE_FORMATS =
  '{ type: "text" }, { type: "json_object" }, { type: "json_schema", schema }, { type: "choice", choices } or { type: "regex", pattern }';

/** The other field of a format, and what it may be. */
const FIELDS: Readonly<Record<string, [name: string, accepts: (value: unknown) => boolean] | null>> = {
  text: null,
  json_object: null,
  json_schema: ['schema', (value) => typeof value === 'boolean' || isPlainObject(value)],
  choice: [
    'choices',
    (value) =>
      Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string' && text !== ''),
  ],
  regex: ['pattern', (value) => typeof value === 'string'],
};

/** Whether `value` has the shape of a format. What a schema or a pattern asks for is looked at in another thread. */
export function isResponseFormat(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const { type, ...rest } = value as Record<string, unknown>;
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) return false;
  const field = FIELDS[type];
  const names = Object.keys(rest);
  if (field === null) return names.length === 0;
  return names.length === 1 && names[0] === field[0] && field[1](rest[field[0]]);
}
