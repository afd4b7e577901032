import type { ChatOptions, TemplateOptions } from '../contract/generate-options.js';
import type { Conversation } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { checkContent, type MessageInput } from '../text/chat-message.js';
import { checkToolChoice, checkTools } from './checks/check-tools.js';
import { plainData } from './checks/plain-data.js';

/**
 * A conversation that can cross to the worker: a copy, so that what the caller changes later changes nothing. Throws
 * BAD_USAGE where messages are none, or hold what JSON does not have.
 */
export function conversation(
  messages: readonly MessageInput[],
  {
    template,
    templateVariables = {},
    tools = [],
    toolChoice = 'auto',
    parallelToolCalls = true,
  }: TemplateOptions & Pick<ChatOptions, 'toolChoice' | 'parallelToolCalls'>,
): Conversation {
  const sound =
    Array.isArray(messages) &&
    messages.length > 0 &&
    [...messages].every((message) => typeof message?.role === 'string');
  if (!sound)
    throw new FlashrowError('BAD_USAGE', 'messages are a list of at least one {role, content}, role a text', {
      option: 'messages',
    });
  checkContent(messages);
  checkTools(tools);
  checkToolChoice(toolChoice, tools);
  return {
    messages: plainData(withoutImages(messages), 'messages'),
    template: template ?? null,
    variables: plainData(templateVariables, 'templateVariables'),
    tools: plainData(tools, 'tools'),
    toolChoice: typeof toolChoice === 'string' ? toolChoice : { name: toolChoice.name },
    pictures: [],
    parallelToolCalls,
  };
}

/** Messages as a template sees them: it says where a picture is, and pictures go another way (images.ts). */
const withoutImages = (messages: readonly MessageInput[]): readonly MessageInput[] =>
  messages.map((message) =>
    Array.isArray(message.content)
      ? {
          ...message,
          content: message.content.map((part) =>
            part.type === 'image'
              ? { ...part, image: undefined }
              : part.type === 'region'
                ? { ...part, mask: undefined }
                : part,
          ),
        }
      : message,
  );
