import { Template } from '@huggingface/jinja';
import { FlashrowError } from '../errors.js';
import type { Tokenizer } from './tokenizer.js';

/** One turn of a conversation. The template defines the roles; usually they are system, user and assistant. */
export interface ChatMessage {
  role: string;
  content: string;
}

/**
 * A model's chat template (Jinja, as in tokenizer_config.json). Give its text to `Tokenizer.encodeGuarded`. Special
 * tokens inside a message's content are guarded, so only the template's own special tokens count.
 */
export class ChatTemplate {
  readonly #template: Template;
  readonly #tokenizer: Tokenizer;

  /** Throws UNSUPPORTED where the template cannot be read. */
  constructor(source: string, tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new FlashrowError('UNSUPPORTED', `the chat template cannot be read: ${said(cause)}`, {}, { cause });
    }
  }

  /**
   * The conversation as text, up to the start of the assistant's answer. Throws BAD_USAGE with the template's own
   * words where it refuses the messages.
   */
  render(messages: readonly ChatMessage[]): string {
    const tokenizer = this.#tokenizer;
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
