import { FlashrowError } from '../errors.js';
import type { ChatMessage } from './chat-message.js';
import { acceptedCallId } from './dialects/call-id.js';
import type { DialectName } from './dialects/dialects.js';
import { isObject, jsonOf } from './dialects/json-value.js';

/** What a template names. */
interface Reads {
  names: ReadonlySet<string>;
  texts: ReadonlySet<string>;
}

/**
 * Messages as OpenAI's API writes them, as the template of a dialect wants them. Arguments are an object for most, and
 * a text for DeepSeek's templates before V3.2; the result of a call is a message of its own for most, and a part of the
 * assistant's in Gemma 4. Throws BAD_USAGE for a role that is none of the API's, and that the template does not name.
 */
export function adaptedMessages(
  messages: readonly ChatMessage[],
  dialect: DialectName | null,
  template: string,
  reads: Reads,
): readonly ChatMessage[] {
  requireRoles(messages, template);
  const knows = (text: string) => template.includes(text);
  const roles = knows('developer')
    ? messages
    : messages.map((message) => (message.role === 'developer' ? { ...message, role: 'system' } : message));
  if (dialect === null) return roles;
  const wantsText = dialect === 'deepseek' && !template.includes('parameter name=');
  const names = callNames(roles);
  const adapted = roles.map((message) => withReasoning(withCalls(message, dialect, wantsText, names), dialect, reads));
  return dialect === 'gemma-4' && reads.texts.has('tool_responses') && !/['"]tool['"]/.test(template)
    ? withResponses(adapted)
    : adapted;
}

const ROLES: readonly string[] = ['system', 'developer', 'user', 'assistant', 'tool', 'function'];

/** Many templates write any role into the prompt. A model knows what it makes of those that it was trained with. */
function requireRoles(messages: readonly ChatMessage[], template: string): void {
  const isNamed = (role: string) => [`'${role}'`, `"${role}"`].some((text) => template.includes(text));
  const at = messages.findIndex(({ role }) => !ROLES.includes(role) && !isNamed(role));
  if (at < 0) return;
  const role = JSON.stringify(messages[at].role);
  throw new FlashrowError(
    'BAD_USAGE',
    `messages[${at}] has the role ${role}, which the chat template does not name; there are system, developer, user, assistant and tool`,
    { option: `messages[${at}].role` },
  );
}

interface Call {
  id?: unknown;
  function?: { name?: unknown; arguments?: unknown };
}

const callsOf = (message: ChatMessage): Call[] => (Array.isArray(message.tool_calls) ? message.tool_calls : []);

/** The names of the tools, by the ids of their calls. */
function callNames(messages: readonly ChatMessage[]): ReadonlyMap<unknown, unknown> {
  const named = messages.flatMap(callsOf).map((call): [unknown, unknown] => [call.id, call.function?.name]);
  return new Map(named.filter(([id]) => id !== undefined));
}

function withCalls(
  message: ChatMessage,
  dialect: DialectName,
  wantsText: boolean,
  names: ReadonlyMap<unknown, unknown>,
): ChatMessage {
  const { tool_calls: calls, tool_call_id: id } = message;
  if (message.role === 'tool' && typeof id === 'string') {
    const name = message.name ?? names.get(id);
    return { ...message, tool_call_id: acceptedCallId(id, dialect), ...(name === undefined ? {} : { name }) };
  }
  if (!Array.isArray(calls)) return message;
  // Templates ask whether there are calls by asking whether there is the field.
  if (calls.length === 0) return { ...message, tool_calls: undefined };
  return {
    ...message,
    content: message.content ?? (dialect === 'deepseek' ? null : ''),
    tool_calls: calls.map((call: Call) => ({
      ...call,
      ...(typeof call.id === 'string' ? { id: acceptedCallId(call.id, dialect) } : {}),
      ...(isObject(call.function)
        ? { function: { ...call.function, arguments: adaptedArguments(call.function.arguments, wantsText) } }
        : {}),
    })),
  };
}

function adaptedArguments(given: unknown, wantsText: boolean): unknown {
  if (wantsText) return typeof given === 'string' ? given : JSON.stringify(given ?? {});
  if (given === undefined || given === null || given === '') return {};
  const object = typeof given === 'string' ? jsonOf(given) : given;
  return isObject(object) ? object : given;
}

/** Templates name the reasoning in two ways. gpt-oss' refuses it beside content where the message calls tools. */
function withReasoning(message: ChatMessage, dialect: DialectName, { texts }: Reads): ChatMessage {
  const { reasoning_content, reasoning, ...others } = message;
  const written = reasoning_content ?? reasoning;
  if (typeof written !== 'string' || written === '') return message;
  if (texts.has('reasoning_content') || !texts.has('thinking')) return { ...others, reasoning_content: written };
  const content = typeof message.content === 'string' ? message.content : '';
  if (dialect !== 'harmony' || callsOf(message).length === 0) return { ...others, thinking: written };
  return { ...others, thinking: content === '' ? written : `${written}\n\n${content}`, content: '' };
}

/** Results move into the assistant's message before them, as `tool_responses`. */
function withResponses(messages: readonly ChatMessage[]): ChatMessage[] {
  const adapted: ChatMessage[] = [];
  for (const message of messages) {
    const last = adapted[adapted.length - 1];
    if (message.role !== 'tool' || last?.role !== 'assistant') adapted.push(message);
    else {
      const before = Array.isArray(last.tool_responses) ? last.tool_responses : [];
      const text = typeof message.content === 'string' ? message.content : '';
      const value = jsonOf(text);
      const response = { name: message.name, response: isObject(value) ? value : text };
      adapted[adapted.length - 1] = { ...last, tool_responses: [...before, response] };
    }
  }
  return adapted;
}
