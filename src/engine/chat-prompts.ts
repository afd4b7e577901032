import type { GenerationResult } from '../contract/api.js';
import { FlashrowError } from '../errors.js';
import { type ChatMessage, ChatTemplate } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** The conversation as it was last written out, and the ids that its answer was generated with. */
interface Turn {
  rendered: string;
  ids: readonly number[];
  answer: { text: string; tokens: readonly number[] } | null;
}

/**
 * Conversations to ids. An answer keeps the ids it was generated with where the template repeats its text: written out and read again,
 * it could fall into other tokens, and everything from there on would have to run anew.
 */
export class ChatPrompts {
  private template: { source: string; template: ChatTemplate } | null = null;
  private last: Turn | null = null;

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly readTemplate: () => string | null,
  ) {}

  /** Ids of messages, by the model's own template where `template` is null. Throws UNSUPPORTED or BAD_USAGE. */
  encode(messages: readonly ChatMessage[], template: string | null): readonly number[] {
    const rendered = this.templateOf(template).render(messages);
    const ids = this.continued(rendered) ?? this.encodeAnew(rendered);
    this.last = { rendered, ids, answer: null };
    return ids;
  }

  /** What the conversation encoded last was answered with. */
  answered({ text, tokens }: Pick<GenerationResult, 'text' | 'tokens'>): void {
    if (this.last) this.last.answer = { text, tokens };
  }

  private templateOf(given: string | null): ChatTemplate {
    const source = given ?? this.readTemplate();
    if (source === null)
      throw new FlashrowError(
        'UNSUPPORTED',
        'the model has no chat template; give one (`template`, --chat-template <file>), or write the conversation out as a prompt',
      );
    if (this.template?.source !== source)
      this.template = { source, template: new ChatTemplate(source, this.tokenizer) };
    return this.template.template;
  }

  /** The last turn's ids and what comes after it, where it is repeated to the letter and a special token follows; else null. */
  private continued(rendered: string): number[] | null {
    const { tokenizer, last } = this;
    if (!last?.answer) return null;
    const { text, tokens } = last.answer;
    const before = last.rendered + tokenizer.guard(text);
    if (!rendered.startsWith(before) || spelled(tokens, tokenizer) !== text) return null;
    const rest = rendered.slice(before.length);
    if (!tokenizer.startsWithSpecial(rest)) return null;
    return [...last.ids, ...tokens, ...tokenizer.encodeGuarded(rest)];
  }

  private encodeAnew(rendered: string): number[] {
    const { bosId, addBos } = this.tokenizer;
    const ids = this.tokenizer.encodeGuarded(rendered);
    // Templates that leave BOS to the tokenizer, and templates that write it themselves: never twice.
    return addBos && bosId !== null && ids[0] !== bosId ? [bosId, ...ids] : ids;
  }
}

/** As a generation spells it: without the handling of a text's beginning. */
const spelled = (tokens: readonly number[], tokenizer: Tokenizer): string =>
  Buffer.concat(tokens.map((id) => tokenizer.bytes(id))).toString('utf8');
