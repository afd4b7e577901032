import type { GenerationResult } from '../contract/api.js';
import { FlashrowError } from '../errors.js';
import { type ChatMessage, ChatTemplate } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** A conversation as the template wrote it out, its ids, and the answer that was generated for it. */
interface Turn {
  rendered: string;
  ids: readonly number[];
  answer: { text: string; tokens: readonly number[] } | null;
}

/**
 * Turns conversations into ids. If the template repeats the text of the last answer, the answer keeps the ids that it
 * was generated with. Encoded anew, the same text could become other tokens, and their state would have to be computed
 * again.
 */
export class ChatPrompts {
  readonly #tokenizer: Tokenizer;
  readonly #readTemplate: () => string | null;
  /** The template that was last used; compiling one takes time. */
  #compiled: { source: string; template: ChatTemplate } | null = null;
  #last: Turn | null = null;

  /** `readTemplate` gives the model's own template, null if it has none. */
  constructor(tokenizer: Tokenizer, readTemplate: () => string | null) {
    this.#tokenizer = tokenizer;
    this.#readTemplate = readTemplate;
  }

  /**
   * The ids of a conversation. `template` is a Jinja template, or null for the model's own. Throws UNSUPPORTED if there
   * is none, BAD_USAGE if it refuses the messages.
   */
  encode(messages: readonly ChatMessage[], template: string | null): readonly number[] {
    const rendered = this.#compile(template ?? this.#readTemplate()).render(messages);
    const ids = this.#continueLast(rendered) ?? this.#encode(rendered);
    this.#last = { rendered, ids, answer: null };
    return ids;
  }

  /** Notes the answer to the conversation that was encoded last. */
  answered({ text, tokens }: Pick<GenerationResult, 'text' | 'tokens'>): void {
    if (this.#last) this.#last.answer = { text, tokens };
  }

  #compile(source: string | null): ChatTemplate {
    if (source === null)
      throw new FlashrowError(
        'UNSUPPORTED',
        'the model has no chat template; give one as `template`, or write the conversation out as a prompt',
        { option: 'template' },
      );
    if (this.#compiled?.source !== source)
      this.#compiled = { source, template: new ChatTemplate(source, this.#tokenizer) };
    return this.#compiled.template;
  }

  /**
   * The ids of the last turn and its answer, then those of the rest. Null unless `rendered` repeats both to the letter
   * and goes on with a special token.
   */
  #continueLast(rendered: string): number[] | null {
    const tokenizer = this.#tokenizer;
    const last = this.#last;
    if (!last?.answer) return null;
    const { text, tokens } = last.answer;
    const before = last.rendered + tokenizer.guard(text);
    if (!rendered.startsWith(before) || spelled(tokens, tokenizer) !== text) return null;
    const rest = rendered.slice(before.length);
    if (!tokenizer.startsWithSpecial(rest)) return null;
    return [...last.ids, ...tokens, ...tokenizer.encodeGuarded(rest)];
  }

  #encode(rendered: string): number[] {
    const { bosId, addBos } = this.#tokenizer;
    const ids = this.#tokenizer.encodeGuarded(rendered);
    // Some templates write BOS themselves, others leave it to the tokenizer. It must not come twice.
    return addBos && bosId !== null && ids[0] !== bosId ? [bosId, ...ids] : ids;
  }
}

/** The text of `tokens` as generation spells it: without the rules for the beginning of a text. */
const spelled = (tokens: readonly number[], tokenizer: Tokenizer): string =>
  Buffer.concat(tokens.map((id) => tokenizer.bytes(id))).toString('utf8');
