import { type ChatMessage, OWN_FIELDS } from './chat-message.js';
import type { JinjaTemplate } from './jinja/jinja-template.js';

/**
 * A sentence for each variable, and for each field of a message, that the template does not read. `differs` tells
 * whether other messages would be rendered as another text: a template may write out a whole message.
 */
export function unreadInput(
  template: JinjaTemplate,
  messages: readonly ChatMessage[],
  variables: Readonly<Record<string, unknown>>,
  differs: (messages: readonly ChatMessage[]) => boolean,
): string[] {
  const unread = Object.keys(variables).filter((name) => !template.names.has(name));
  const fields = new Set(messages.flatMap((message) => Object.keys(message).filter((name) => says(message[name]))));
  const dropped = [...fields].filter((name) => !OWN_FIELDS.includes(name) && !template.texts.has(name));
  return [
    ...unread.map((name) => `\`templateVariables.${name}\` changes nothing: the chat template does not read it`),
    ...dropped
      .filter((name) => !differs(messages.map((message) => ({ ...message, [name]: undefined }))))
      .map((name) => `\`${name}\` of a message changes nothing: the chat template does not read it`),
  ];
}

const says = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
