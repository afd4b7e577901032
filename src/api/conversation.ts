import type { TemplateOptions } from '../contract/api.js';
import type { Conversation } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { type ChatMessage, checkContent } from '../text/chat-message.js';

/**
 * A conversation that can cross to another thread: a copy, so that what the caller changes later changes nothing.
 * Throws BAD_USAGE where it holds what JSON does not have, UNSUPPORTED for parts of content that are no text.
 */
export function conversationOf(
  messages: readonly ChatMessage[],
  { template, templateVariables = {} }: TemplateOptions,
): Conversation {
  checkContent(messages);
  return {
    messages: plainData(messages, 'messages'),
    template: template ?? null,
    variables: plainData(templateVariables, 'templateVariables'),
  };
}

/** A copy of what JSON can hold. */
function plainData<T>(value: T, option: string, where = option): T {
  if (value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map((each, at) => plainData(each, option, `${where}[${at}]`)) as T;
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, plainData(each, option, `${where}.${name}`)]),
    ) as T;
  throw new FlashrowError('BAD_USAGE', `${where} is not text, number, true, false, null, list or plain object`, {
    option,
  });
}

/** Also of another realm, whose `Object.prototype` is another one. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
