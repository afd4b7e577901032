import { FlashrowError, shown } from '../../errors.js';
import { holdsLoneSurrogate } from '../../grammar/code-points.js';
import type { ResponseFormat } from '../../grammar/response-format.js';
import { isPlainObject } from './check-arguments.js';
import { plainData } from './plain-data.js';

type Checked = (value: unknown, at: string) => void;

/** The other field of each type of format, and what refuses a value of it. */
const FIELDS: Readonly<Record<ResponseFormat['type'], { name: string; check: Checked } | null>> = {
  text: null,
  json_object: null,
  json_schema: { name: 'schema', check: checkSchema },
  choice: { name: 'choices', check: checkChoices },
  regex: { name: 'pattern', check: checkPattern },
};
const TYPES = Object.keys(FIELDS).map((type) => `"${type}"`);

/**
 * Throws BAD_USAGE for what has not the shape of a format, and says which part is wrong. What a schema or a pattern
 * asks for is looked at in another thread.
 */
export function checkResponseFormat(format: unknown): asserts format is ResponseFormat {
  if (!isPlainObject(format))
    refuse(`\`responseFormat\` is an object with a \`type\`, which is ${anyType()}, not ${shown(format)}`);
  const { type, ...rest } = format as Record<string, unknown>;
  if (type === undefined) refuse(`\`responseFormat\` has no \`type\`; it is ${anyType()}`);
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type))
    refuse(`\`responseFormat.type\` is ${anyType()}, not ${shown(type)}`);
  const field = FIELDS[type as ResponseFormat['type']];
  const given = Object.keys(rest).filter((name) => rest[name] !== undefined);
  const other = given.find((name) => name !== field?.name);
  const takes = field === null ? 'it takes no other field' : `beside \`type\` it takes \`${field.name}\` alone`;
  if (other !== undefined) refuse(`\`responseFormat\` of the type "${type}" has a field ${shown(other)}; ${takes}`);
  if (field === null) return;
  if (!given.includes(field.name)) refuse(`\`responseFormat\` of the type "${type}" needs the field \`${field.name}\``);
  field.check(rest[field.name], `responseFormat.${field.name}`);
}

const anyType = () => `${TYPES.slice(0, -1).join(', ')} or ${TYPES.at(-1)}`;

function checkSchema(schema: unknown, at: string): void {
  if (typeof schema !== 'boolean' && !isPlainObject(schema))
    refuse(`\`${at}\` is a JSON Schema (an object, true or false), not ${shown(schema)}`);
  plainData(schema, 'responseFormat', `the parts of \`${at}\``, at);
}

function checkChoices(choices: unknown, at: string): void {
  if (!Array.isArray(choices)) refuse(`\`${at}\` is a list of texts, not ${shown(choices)}`);
  if (choices.length === 0) refuse(`\`${at}\` is an empty list; give one text at least`);
  for (const [i, choice] of [...choices].entries()) {
    if (typeof choice !== 'string') refuse(`\`${at}[${i}]\` is a text, not ${shown(choice)}`);
    if (choice === '') refuse(`\`${at}[${i}]\` is an empty text; an answer has one character at least`);
    requireCharacters(choice, `${at}[${i}]`);
  }
}

function checkPattern(pattern: unknown, at: string): void {
  if (typeof pattern !== 'string') refuse(`\`${at}\` is the text of a regular expression, not ${shown(pattern)}`);
  requireCharacters(pattern, at);
}

function requireCharacters(text: string, at: string): void {
  if (holdsLoneSurrogate(text))
    refuse(
      `\`${at}\` holds a lone surrogate (half of a pair of UTF-16), which no text in UTF-8 can hold: ${shown(text)}`,
    );
}

function refuse(message: string): never {
  throw new FlashrowError('BAD_USAGE', message, { option: 'responseFormat' });
}
