import type { WrittenCall } from './dialect.js';
import { putMember } from './json-value.js';

/**
 * Calls as Python writes them, `f(a=1, b='x')`, one or several with commas between. Null where it is something else.
 */
export function readPythonCalls(text: string): WrittenCall[] | null {
  try {
    return new PythonReader(text).calls();
  } catch (error) {
    if (error instanceof NoPython) return null;
    throw error;
  }
}

class NoPython extends Error {}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0' };
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...([
    ['True', true],
    ['true', true],
    ['False', false],
    ['false', false],
    ['None', null],
    ['null', null],
  ] as const),
]);

class PythonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  calls(): WrittenCall[] {
    const calls = [this.#call()];
    while (this.#takes(',')) {
      if (this.#isOver()) break;
      calls.push(this.#call());
    }
    if (!this.#isOver()) throw new NoPython();
    return calls;
  }

  #call(): WrittenCall {
    const name = this.#match(/[\w.-]+/y);
    this.#expect('(');
    const given: Record<string, unknown> = {};
    while (!this.#takes(')')) {
      const key = this.#match(/[A-Za-z_]\w*/y);
      this.#expect('=');
      putMember(given, key, this.#value());
      if (!this.#takes(',')) {
        this.#expect(')');
        break;
      }
    }
    return { name, arguments: given };
  }

  #value(): unknown {
    this.#space();
    const next = this.#text[this.#at];
    if (next === '"' || next === "'") return this.#string(next);
    if (next === '[') return this.#list('[', ']');
    if (next === '(') return this.#list('(', ')');
    if (next === '{') return this.#dict();
    const number = this.#try(/[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?(?![\w.])/iy);
    if (number !== null) return Number(number.replaceAll('_', ''));
    const word = this.#match(/[A-Za-z]+/y);
    if (!WORDS.has(word)) throw new NoPython();
    return WORDS.get(word);
  }

  #string(quote: string): string {
    let value = '';
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const unit = this.#text[at];
      if (unit === quote) {
        this.#at = at + 1;
        return value;
      }
      if (unit !== '\\') value += unit;
      else {
        const escaped = this.#text[++at];
        const code = escaped === 'u' ? /^[\da-f]{4}/i.exec(this.#text.slice(at + 1))?.[0] : undefined;
        if (code !== undefined) {
          value += String.fromCharCode(Number.parseInt(code, 16));
          at += code.length;
        } else value += ESCAPES[escaped] ?? escaped;
      }
    }
    throw new NoPython();
  }

  #list(open: string, close: string): unknown[] {
    this.#expect(open);
    const list: unknown[] = [];
    while (!this.#takes(close)) {
      list.push(this.#value());
      if (!this.#takes(',')) {
        this.#expect(close);
        break;
      }
    }
    return list;
  }

  #dict(): Record<string, unknown> {
    this.#expect('{');
    const dict: Record<string, unknown> = {};
    while (!this.#takes('}')) {
      const key = this.#value();
      this.#expect(':');
      putMember(dict, String(key), this.#value());
      if (!this.#takes(',')) {
        this.#expect('}');
        break;
      }
    }
    return dict;
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #isOver(): boolean {
    this.#space();
    return this.#at >= this.#text.length;
  }

  #takes(mark: string): boolean {
    this.#space();
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#takes(mark)) throw new NoPython();
  }

  #try(pattern: RegExp): string | null {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #match(pattern: RegExp): string {
    const found = this.#try(pattern);
    if (found === null) throw new NoPython();
    return found;
  }
}
