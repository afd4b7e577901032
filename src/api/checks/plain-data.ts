import { FlashrowError } from '../../errors.js';

/** Those who read it go through it by recursion, too. */
const DEEPEST = 100;

/**
 * A copy of what JSON can hold. Throws BAD_USAGE for anything else, and for what is nested too deep: `parts` in words.
 */
export function plainData<T>(value: T, option: string, parts = option, where = option, depth = 0): T {
  if (value === null || ['string', 'boolean', 'undefined'].includes(typeof value)) return value;
  if (Number.isFinite(value)) return value;
  if (depth > DEEPEST)
    throw new FlashrowError('BAD_USAGE', `${parts} are nested more than ${DEEPEST} deep, or hold themselves`, {
      option,
    });
  // A hole in a list is undefined.
  if (Array.isArray(value))
    return Array.from(value, (each, at) => plainData(each, option, parts, `${where}[${at}]`, depth + 1)) as T;
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        name,
        plainData(each, option, parts, `${where}.${name}`, depth + 1),
      ]),
    ) as T;
  throw new FlashrowError(
    'BAD_USAGE',
    `${where} is not what JSON has: text, finite number, true, false, null, list or plain object`,
    {
      option,
    },
  );
}

/** Also of another realm, whose `Object.prototype` is another one. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
