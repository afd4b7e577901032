import type { FreeText } from '../../grammar/free-text.js';
import type { NodeId } from '../../grammar/grammar.js';
import type { HeldForm, ToolSignature } from '../dialects/dialect.js';
import type { CallGrammar } from './call-grammar.js';

const SPACES: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
const QUOTE = 0x22;

/**
 * Text that, where it begins as a call without a mark of its own, is one, with `then` behind it. A call is known by
 * what stands before the end of a tool's name, like `{"name": "get_weather"`: other JSON may be an answer.
 */
export function beginsBare(calls: CallGrammar, form: HeldForm, free: FreeText, then: NodeId): NodeId {
  const [head] = form.call;
  if (!('json' in head)) throw new Error('a call without a mark begins with a text');
  let node = new BareNames(calls, form, free, then).from(calls.tools, 0);
  for (const { byte, isSpaced } of charactersOf(head.json).reverse()) {
    const rule = calls.grammar.rule();
    const taken = [byte, ...(isSpaced ? SPACES : [])];
    const steps = [calls.grammar.sequence(calls.grammar.byte([byte]), node), otherwise(calls, free, taken)];
    if (isSpaced) steps.push(calls.grammar.sequence(calls.grammar.byte(SPACES), rule.node));
    rule.define(calls.grammar.choice(calls.grammar.empty, ...steps));
    node = rule.node;
  }
  return node;
}

/** The characters of a text whose blanks stand for white space, and whether that may stand before each. */
function charactersOf(text: string): { byte: number; isSpaced: boolean }[] {
  return text.split('').flatMap((character, at) => {
    if (character === ' ') return [];
    return [{ byte: character.charCodeAt(0), isSpaced: at === 0 || text[at - 1] === ' ' }];
  });
}

/** Free text whose first byte is none of `taken`. */
function otherwise({ grammar }: CallGrammar, free: FreeText, taken: readonly number[]): NodeId {
  const bytesTo = new Map<NodeId, number[]>();
  for (let byte = 0; byte < 256; byte++) {
    if (taken.includes(byte)) continue;
    const node = free.after(byte);
    bytesTo.set(node, [...(bytesTo.get(node) ?? []), byte]);
  }
  return grammar.choice(...[...bytesTo].map(([node, bytes]) => grammar.sequence(grammar.byte(bytes), node)));
}

/** The names of tools, letter by letter, and free text where another one comes. */
class BareNames {
  readonly #calls: CallGrammar;
  readonly #form: HeldForm;
  readonly #free: FreeText;
  readonly #then: NodeId;

  constructor(calls: CallGrammar, form: HeldForm, free: FreeText, then: NodeId) {
    this.#calls = calls;
    this.#form = form;
    this.#free = free;
    this.#then = then;
  }

  /** `tools` are those whose names have the letters up to `length` that came. */
  from(tools: readonly ToolSignature[], length: number): NodeId {
    const { grammar } = this.#calls;
    const whole = tools.find(({ name }) => name.length === length);
    const letters = new Set(tools.flatMap(({ name }) => (name.length > length ? [name.charCodeAt(length)] : [])));
    const steps = [...letters].map((letter) => {
      const some = tools.filter(({ name }) => name.charCodeAt(length) === letter);
      return grammar.sequence(grammar.byte([letter]), this.from(some, length + 1));
    });
    // Parts 0 and 1 are the head and the name. What follows the name begins with a quote.
    const calls = whole ? [grammar.sequence(this.#calls.rest(this.#form, whole, 2), this.#then)] : [];
    const taken = [...letters, ...(whole ? [QUOTE] : [])];
    return grammar.choice(grammar.empty, otherwise(this.#calls, this.#free, taken), ...steps, ...calls);
  }
}
