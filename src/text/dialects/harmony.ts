import type { AnswerPart, DialectReader, Written } from './dialect.js';
import { argumentsOf } from './json-value.js';

const START = '<|start|>';
const CHANNEL = '<|channel|>';
const MESSAGE = '<|message|>';
const END = '<|end|>';
const CALL = '<|call|>';
const CONSTRAIN = '<|constrain|>';
const FUNCTIONS = 'functions.';
const MARKS = [START, CHANNEL, MESSAGE, END, CALL, CONSTRAIN, '<|return|>'];
const MARK = /<\|(?:start|channel|message|end|call|constrain|return)\|>/;

/**
 * Follows a text in Harmony's channels: `<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final
 * <|message|>...`. The channel `final` is the answer, and `commentary` without a recipient a word to the user before
 * calls. What is in another one is not for the user, nor what is sent to somebody else, but for calls of tools,
 * `<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>`. A message without a channel is
 * an answer too. (openai/harmony, docs/format.md)
 */
export class HarmonyReader implements DialectReader {
  readonly #readsCalls: boolean;
  #state: 'message' | 'header' = 'message';
  #header = '';
  /** Whether a header told of the message that goes on. */
  #isBegun = false;
  #part: 'text' | 'reasoning' | 'call' = 'text';
  #tool = '';
  /** What a call's message holds so far, or the beginning of a mark. */
  #held = '';
  #call = '';

  /**
   * Goes on from a prompt, which may end within a header: templates leave the channel to the model. Calls are told
   * apart where there are tools; else they are reasoning.
   */
  constructor(prompt: string, readsCalls: boolean) {
    this.#readsCalls = readsCalls;
    const from = Math.max(prompt.lastIndexOf(START), prompt.lastIndexOf(END));
    if (from >= 0) this.push(prompt.slice(from));
  }

  get mode(): 'text' | 'reasoning' {
    return this.#state === 'message' && this.#part === 'reasoning' ? 'reasoning' : 'text';
  }

  /** The kind of message that goes on; undefined within a header, and before the first one. */
  get opened(): 'reasoning' | 'answer' | undefined {
    if (this.#state === 'header' || !this.#isBegun) return undefined;
    return this.#part === 'reasoning' ? 'reasoning' : 'answer';
  }

  /** The answer is on its own channel, or a call. */
  get closings(): readonly Written[] {
    const next = [{ mark: END }, { mark: START }, { text: 'assistant' }, { mark: CHANNEL }];
    const final = [...next, { text: 'final' }, { mark: MESSAGE }];
    return this.#readsCalls ? [final, [...next, { text: `commentary to=${FUNCTIONS}` }]] : [final];
  }

  get pending(): string {
    return this.#held;
  }

  takes(special: string): boolean {
    return MARKS.includes(special);
  }

  push(text: string): AnswerPart[] {
    const parts: AnswerPart[] = [];
    this.#held += text;
    for (let mark = MARK.exec(this.#held); mark; mark = MARK.exec(this.#held)) {
      this.#text(parts, this.#held.slice(0, mark.index));
      this.#held = this.#held.slice(mark.index + mark[0].length);
      this.#mark(parts, mark[0]);
    }
    const begun = beginOfMark(this.#held);
    this.#text(parts, this.#held.slice(0, begun));
    this.#held = this.#held.slice(begun);
    return parts;
  }

  end(): AnswerPart[] {
    const parts: AnswerPart[] = [];
    this.#text(parts, this.#held);
    this.#held = '';
    if (this.#call !== '') this.#endMessage(parts);
    return parts;
  }

  #text(parts: AnswerPart[], text: string): void {
    if (text === '') return;
    if (this.#state === 'header') this.#header += text;
    else if (this.#part === 'call') this.#call += text;
    else parts.push({ type: this.#part, text });
  }

  #mark(parts: AnswerPart[], mark: string): void {
    if (mark === CONSTRAIN || (mark === CHANNEL && this.#state === 'header')) {
      this.#header += ` ${mark === CHANNEL ? mark : ''}`;
      return;
    }
    if (mark === MESSAGE) {
      if (this.#state === 'header') this.#begin();
      return;
    }
    this.#endMessage(parts);
    this.#state = mark === START || mark === CHANNEL ? 'header' : 'message';
    this.#header = mark === CHANNEL ? CHANNEL : '';
  }

  /** A header such as `assistant<|channel|>commentary to=functions.get json` is over. */
  #begin(): void {
    this.#state = 'message';
    this.#isBegun = true;
    // Models begin a header again at times: `<|channel|>commentary to=assistant<|channel|>analysis<|message|>`.
    const channel = this.#header.split(CHANNEL).slice(1).at(-1)?.trim().split(/\s/)[0];
    const recipient = /(?:^|\s|assistant)to=([^\s<]+)/.exec(this.#header.replaceAll(CHANNEL, ' '))?.[1] ?? 'assistant';
    this.#tool = recipient.startsWith(FUNCTIONS) ? recipient.slice(FUNCTIONS.length) : '';
    const isForUser = channel === undefined || channel === 'final' || channel === 'commentary';
    if (this.#tool !== '' && this.#readsCalls) this.#part = 'call';
    else this.#part = isForUser && recipient === 'assistant' ? 'text' : 'reasoning';
  }

  #endMessage(parts: AnswerPart[]): void {
    if (this.#part === 'call') {
      const given = argumentsOf(this.#call.trim());
      if (given) parts.push({ type: 'tool-call', call: { name: this.#tool, arguments: given } });
      else if (this.#call !== '') parts.push({ type: 'text', text: this.#call });
    }
    this.#call = '';
    this.#part = 'text';
    this.#isBegun = false;
  }
}

function beginOfMark(text: string): number {
  const at = text.lastIndexOf('<');
  return at >= 0 && MARKS.some((mark) => mark.startsWith(text.slice(at))) ? at : text.length;
}
