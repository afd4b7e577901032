import type { TemplateOptions } from '../../contract/generate-options.js';
import type { Model } from '../../contract/model.js';
import { FlashrowError } from '../../errors.js';
import type { ChatMessage } from '../../text/chat-template.js';

/**
 * The ids of a conversation up to the beginning of the answer, for an answer that is begun already: `chat` would begin
 * another. Throws UNSUPPORTED where a message holds the text of a special token: it would count as one here.
 */
export async function openPrompt(
  model: Model,
  messages: readonly ChatMessage[],
  template: TemplateOptions,
): Promise<number[]> {
  for (const { content } of messages) {
    const tokens = (parseSpecial: boolean) => model.countTokens(content as string, { addSpecial: false, parseSpecial });
    if ((await tokens(true)) !== (await tokens(false)))
      throw new FlashrowError(
        'UNSUPPORTED',
        'a message holds the text of a special token, so that its answer cannot be gone on with; ask for the rest',
      );
  }
  const text = await model.applyTemplate(messages, template);
  const bare = await model.tokenize(text, { addSpecial: false, parseSpecial: true });
  const whole = await model.tokenize(text, { addSpecial: true, parseSpecial: true });
  // Some templates write BOS themselves, others leave it to the tokenizer. It must not come twice.
  return whole.length > bare.length && whole[0] === bare[0] ? bare : whole;
}
