import { Template } from '@huggingface/jinja';
import { FlashrowError } from '../errors.js';
import type { Tokenizer } from './tokenizer.js';

/** One turn of a conversation. Roles are those that the template knows: system, user and assistant as a rule. */
export interface ChatMessage {
  role: string;
  content: string;
}

/**
 * A model's chat template (Jinja, as in tokenizer_config.json). What it renders is for `Tokenizer.encodeGuarded`:
 * special tokens that a message's content spells are guarded there, so that only those of the template itself count.
 */
export class ChatTemplate {
  readonly #template: Template;

  /** Throws UNSUPPORTED where the template cannot be read. */
  constructor(
    source: string,
    private readonly tokenizer: Tokenizer,
  ) {
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new FlashrowError('UNSUPPORTED', `the chat template cannot be read: ${said(cause)}`, {}, { cause });
    }
  }

  /**
   * The conversation as text, up to where the assistant's answer begins. Throws BAD_USAGE with the template's words
   * where it refuses the messages.
   */
  render(messages: readonly ChatMessage[]): string {
    const { tokenizer } = this;
    try {
      return this.#template.render({
        messages: messages.map(({ role, content }) => ({ role, content: tokenizer.guard(content) })),
        add_generation_prompt: true,
        bos_token: tokenizer.bosId === null ? '' : tokenizer.token(tokenizer.bosId),
        eos_token: tokenizer.eosIds.length === 0 ? '' : tokenizer.token(tokenizer.eosIds[0]),
      });
    } catch (cause) {
      throw new FlashrowError('BAD_USAGE', `the chat template refuses these messages: ${said(cause)}`, {}, { cause });
    }
  }
}

const said = (error: unknown) => (error instanceof Error ? error.message : String(error));
