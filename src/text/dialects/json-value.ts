/** The index behind the object or list that begins at `from`; `more` where it goes on, `bad` where none begins. */
export function endOfJson(text: string, from: number): number | 'more' | 'bad' {
  if (from >= text.length) return 'more';
  if (text[from] !== '{' && text[from] !== '[') return 'bad';
  let depth = 0;
  let inString = false;
  for (let at = from; at < text.length; at++) {
    const unit = text[at];
    if (inString) {
      if (unit === '\\') at++;
      else if (unit === '"') inString = false;
    } else if (unit === '"') inString = true;
    else if (unit === '{' || unit === '[') depth++;
    else if ((unit === '}' || unit === ']') && --depth === 0) return at + 1;
  }
  return 'more';
}

export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value of a text; undefined where it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A member as JSON.parse makes it: of any name, also `__proto__`. */
export function putMember(object: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Arguments as models write them: an object, or its text. Null for anything else. */
export function argumentsOf(value: unknown): JsonObject | null {
  if (value === undefined || value === null || value === '') return {};
  const object = typeof value === 'string' ? jsonOf(value) : value;
  return isObject(object) ? object : null;
}

/** The index of the first character from `from` on that is no white space. */
export function afterSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at])) at++;
  return at;
}

/** Whether `mark` stands at `at`: `more` where the text ends within it. */
export function markAt(text: string, at: number, mark: string): boolean | 'more' {
  if (text.startsWith(mark, at)) return true;
  return mark.startsWith(text.slice(at)) ? 'more' : false;
}
