import type { Conversation } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { adaptedMessages } from '../text/chat-history.js';
import type { ChatTemplate } from '../text/chat-template.js';
import type { ToolSignature } from '../text/dialects/dialect.js';
import {
  type AnswerForm,
  beginOfCall,
  type DialectName,
  dialectOf,
  heldForms,
  readsCalls,
} from '../text/dialects/dialects.js';

/** A conversation as its template writes it out, up to the answer, and how that is written. */
export interface WrittenChat {
  chat: ChatTemplate;
  text: string;
  marked: string;
  form: AnswerForm | null;
  warnings: readonly string[];
}

/**
 * Throws what `ChatTemplate.render` throws; UNSUPPORTED where there are tools and the model cannot be told or heard.
 */
export function writeChat(chat: ChatTemplate, conversation: Conversation): WrittenChat {
  const { toolChoice } = conversation;
  const dialect = dialectOf(chat.source);
  const tools = toolChoice === 'none' ? [] : conversation.tools;
  if (tools.length > 0) requireTools(chat, dialect);
  const variables = tools.length > 0 ? { ...conversation.variables, tools } : conversation.variables;
  const messages = adaptedMessages(conversation.messages, dialect, chat.source, chat.reads);
  const { text, marked, warnings } = chat.render(messages, variables);
  if (dialect === null) return { chat, text, marked, form: null, warnings };
  const signatures = tools.map(signatureOf);
  const forced = forcedTool(conversation);
  const called = typeof forced === 'string' ? signatures.filter(({ name }) => name === forced) : signatures;
  const forms = tools.length > 0 ? heldForms(dialect, chat.source) : null;
  if (!forms) requireLoose(signatures, dialect, conversation);
  const begin = beginOf(dialect, forced, text, forms !== null);
  const once = typeof toolChoice === 'object' || !conversation.parallelToolCalls;
  const held = forms && { forms, tools: called, must: forced !== undefined, once, begun: begin.begun || begin.text };
  const form = { dialect, tools: tools.length > 0 ? signatures : null, begun: begin.begun, held };
  return { chat, text: text + begin.text, marked: marked + begin.text, form, warnings };
}

const signatureOf = ({ function: { name, parameters, strict } }: Conversation['tools'][number]): ToolSignature => ({
  ...{ name, parameters: parameters ?? null },
  ...(strict === true ? { strict } : {}),
});

/** The beginning of the answer where it has to be a call. It may be empty where calls are held: these force it. */
function beginOf(
  dialect: DialectName,
  forced: string | null | undefined,
  text: string,
  isHeld: boolean,
): { text: string; begun: string } {
  const none = { text: '', begun: '' };
  const begin = forced === undefined ? none : (beginOfCall(dialect, forced, text) ?? (isHeld ? none : null));
  if (begin) return begin;
  throw new FlashrowError(
    'UNSUPPORTED',
    `\`toolChoice\` cannot have this model call a tool: an answer in its dialect, ${dialect}, cannot be begun as a call; leave the choice to it with "auto"`,
    { option: 'toolChoice' },
  );
}

/** Throws UNSUPPORTED where something is asked for that only calls that are held can give. */
function requireLoose(
  tools: readonly ToolSignature[],
  dialect: DialectName,
  { parallelToolCalls }: Conversation,
): void {
  if (tools.length > 0 && !parallelToolCalls)
    throw new FlashrowError(
      'UNSUPPORTED',
      `\`parallelToolCalls: false\` cannot be kept by this model: calls in its dialect, ${dialect}, are read as they come`,
      { option: 'parallelToolCalls' },
    );
  const strict = tools.find((tool) => tool.strict);
  if (!strict) return;
  throw new FlashrowError(
    'UNSUPPORTED',
    `\`tools\` cannot be strict with this model: calls in its dialect, ${dialect}, are read as they come, and not held to a schema; leave out strict of the tool ${JSON.stringify(strict.name)}`,
    { option: 'tools' },
  );
}

/** The tool that has to be called; null for any of several, undefined where the model may choose not to. */
function forcedTool({ tools, toolChoice }: Conversation): string | null | undefined {
  if (toolChoice === 'auto' || toolChoice === 'none') return undefined;
  if (toolChoice !== 'required') return toolChoice.name;
  return tools.length === 1 ? tools[0].function.name : null;
}

function requireTools(chat: ChatTemplate, dialect: DialectName | null): void {
  const missing =
    dialect === null || !readsCalls(dialect)
      ? 'the chat template shows no way of writing calls that is known here'
      : chat.reads.names.has('tools')
        ? null
        : 'the chat template reads no `tools`';
  if (missing !== null)
    throw new FlashrowError('UNSUPPORTED', `\`tools\` cannot be used with this model: ${missing}`, {
      option: 'tools',
    });
}
