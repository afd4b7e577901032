import type { GenerationResult } from '../contract/api.js';
import type { Conversation } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { type ChatPrompt, ChatTemplate } from '../text/chat-template.js';
import { mark } from '../text/jinja/marks.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** A conversation as the template wrote it out, its ids, and the answer that was generated for it. */
interface Turn {
  marked: string;
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

  /** A conversation that is generated from: the next one may repeat it. Throws what `apply` throws. */
  encode({ messages, template, variables }: Conversation): ChatPrompt {
    const chat = this.#compile(template);
    const { text, marked, warnings } = chat.render(messages, variables);
    const ids = this.#continueLast(marked, chat) ?? chat.encode(marked);
    this.#last = { marked, ids, answer: null };
    return { text, ids, warnings };
  }

  /**
   * A conversation as text and ids. Needs no engine and changes nothing here, so it may run beside a generation. Throws
   * UNSUPPORTED if there is no template, and what `ChatTemplate.render` throws.
   */
  apply({ messages, template, variables }: Conversation): ChatPrompt {
    return this.#compile(template).apply(messages, variables);
  }

  /** Notes the answer to the conversation that was encoded last. */
  answered({ text, tokens }: Pick<GenerationResult, 'text' | 'tokens'>): void {
    if (this.#last) this.#last.answer = { text, tokens };
  }

  #compile(given: string | null): ChatTemplate {
    const source = given ?? this.#readTemplate();
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
   * The ids of the last turn and its answer, then those of the rest. Null unless `marked` repeats both to the letter
   * and goes on with a special token.
   */
  #continueLast(marked: string, chat: ChatTemplate): readonly number[] | null {
    const tokenizer = this.#tokenizer;
    const last = this.#last;
    if (!last?.answer) return null;
    const { text, tokens } = last.answer;
    const before = last.marked + mark(text);
    if (!marked.startsWith(before) || spelled(tokens, tokenizer) !== text) return null;
    const rest = marked.slice(before.length);
    if (!tokenizer.startsWithSpecial(rest)) return null;
    return [...last.ids, ...tokens, ...chat.encodePart(rest)];
  }
}

/** The text of `tokens` as generation spells it: without the rules for the beginning of a text. */
const spelled = (tokens: readonly number[], tokenizer: Tokenizer): string =>
  Buffer.concat(tokens.map((id) => tokenizer.bytes(id))).toString('utf8');
