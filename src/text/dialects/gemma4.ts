import type { Dialect, Found } from './dialect.js';
import { isObject, putMember } from './json-value.js';

const OPEN = '<|tool_call>';
const CLOSE = '<tool_call|>';
export const GEMMA_QUOTE = '<|"|>';
const CALL = 'call:';

/**
 * `<|tool_call>call:NAME{key:<|"|>text<|"|>,other:1}<tool_call|>`, `<|channel>thought\n...<channel|>`. Gemma 4
 * (ai.google.dev, "Gemma 4 prompt formatting" and "Function calling with Gemma 4").
 */
export const GEMMA_4: Dialect = {
  reasoning: [{ open: '<|channel>thought', close: '<channel|>', anywhere: true }],
  calls: [{ open: OPEN, read: readCall }],
  specials: [OPEN, CLOSE, GEMMA_QUOTE, '<|channel>', '<channel|>'],
  begin: (name) => `${OPEN}${CALL}${name === null ? '' : `${name}{`}`,
  held: () => [
    { open: OPEN, call: [{ text: CALL }, { of: 'name' }, { of: 'gemma-arguments' }], close: [{ mark: CLOSE }] },
  ],
};

function readCall(body: string, final: boolean): Found {
  if (!CALL.startsWith(body.slice(0, CALL.length))) return 'bad';
  const brace = body.indexOf('{');
  if (brace < 0) return final || body.length > 256 ? 'bad' : 'more';
  const name = body.slice(CALL.length, brace).trim();
  if (!/^[\w.:-]+$/.test(name)) return 'bad';
  const close = outsideQuotes(body, brace);
  if (close < 0 && !final) return 'more';
  const end = close < 0 ? body.length : close;
  const value = new GemmaReader(body.slice(brace, end)).whole();
  if (!isObject(value)) return 'bad';
  return { calls: [{ name, arguments: value }], length: Math.min(body.length, end + CLOSE.length) };
}

/** Where the closing mark stands outside of texts; below 0 where it does not. */
function outsideQuotes(body: string, from: number): number {
  for (let at = from; ; ) {
    const close = body.indexOf(CLOSE, at);
    const quote = body.indexOf(GEMMA_QUOTE, at);
    if (close < 0 || quote < 0 || close < quote) return close;
    const end = body.indexOf(GEMMA_QUOTE, quote + GEMMA_QUOTE.length);
    if (end < 0) return -1;
    at = end + GEMMA_QUOTE.length;
  }
}

const NOTHING = Symbol('nothing');

/** Gemma's way of writing objects: bare keys, texts between quotes of its own. */
class GemmaReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The value that the whole text is; undefined where it is none. */
  whole(): unknown {
    const value = this.#value();
    return value !== NOTHING && this.#text.slice(this.#at).trim() === '' ? value : undefined;
  }

  #value(): unknown {
    this.#space();
    if (this.#takes('{')) return this.#object();
    if (this.#takes('[')) return this.#list();
    if (this.#takes(GEMMA_QUOTE)) {
      const end = this.#text.indexOf(GEMMA_QUOTE, this.#at);
      if (end < 0) return NOTHING;
      const text = this.#text.slice(this.#at, end);
      this.#at = end + GEMMA_QUOTE.length;
      return text;
    }
    const bare = /^[^,{}[\]]*/.exec(this.#text.slice(this.#at))![0];
    this.#at += bare.length;
    return bareValue(bare.trim());
  }

  #object(): unknown {
    const object: Record<string, unknown> = {};
    this.#space();
    if (this.#takes('}')) return object;
    for (;;) {
      this.#space();
      const quoted = this.#takes(GEMMA_QUOTE);
      const end = this.#text.indexOf(quoted ? GEMMA_QUOTE : ':', this.#at);
      if (end < 0) return NOTHING;
      const written = this.#text.slice(this.#at, end);
      const key = quoted ? written : written.trim();
      this.#at = end + (quoted ? GEMMA_QUOTE.length : 0);
      this.#space();
      if (!this.#takes(':')) return NOTHING;
      const value = this.#value();
      if (value === NOTHING) return NOTHING;
      putMember(object, key, value);
      this.#space();
      if (this.#takes('}')) return object;
      if (!this.#takes(',')) return NOTHING;
    }
  }

  #list(): unknown {
    const list: unknown[] = [];
    this.#space();
    if (this.#takes(']')) return list;
    for (;;) {
      const value = this.#value();
      if (value === NOTHING) return NOTHING;
      list.push(value);
      this.#space();
      if (this.#takes(']')) return list;
      if (!this.#takes(',')) return NOTHING;
    }
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #takes(mark: string): boolean {
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }
}

function bareValue(text: string): unknown {
  if (text === '') return NOTHING;
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null' || text === 'None') return null;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
