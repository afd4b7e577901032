import type { ChatOptions, TemplateOptions } from '../contract/generate-options.js';
import type { Conversation } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { checkContent, type MessageInput } from '../text/chat-message.js';
import { checkToolChoice, checkTools } from './check-tools.js';

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

/** Templates go through what they are given by recursion, too. */
const DEEPEST = 100;

/** A copy of what JSON can hold. */
function plainData<T>(value: T, option: string, where = option, depth = 0): T {
  if (value === null || ['string', 'boolean', 'undefined'].includes(typeof value)) return value;
  if (Number.isFinite(value)) return value;
  if (depth > DEEPEST)
    throw new FlashrowError('BAD_USAGE', `${option} are nested more than ${DEEPEST} deep, or hold themselves`, {
      option,
    });
  // A hole in a list is undefined.
  if (Array.isArray(value))
    return Array.from(value, (each, at) => plainData(each, option, `${where}[${at}]`, depth + 1)) as T;
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, plainData(each, option, `${where}.${name}`, depth + 1)]),
    ) as T;
  throw new FlashrowError(
    'BAD_USAGE',
    `${where} is not what JSON has: text, finite number, true, false, null, list or plain object`,
    {
      option,
    },
  );
}

/** Also of another realm, whose `Object.prototype` is another one. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
