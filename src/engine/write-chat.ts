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
  openedMessage,
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
  // Where the dialect has no beginning that a prompt may write, what holds the calls forces one.
  const begin = (forced === undefined ? null : beginOfCall(dialect, forced, text)) ?? { text: '', begun: '' };
  const once = typeof toolChoice === 'object' || !conversation.parallelToolCalls;
  const held = forms && { forms, tools: called, must: forced !== undefined, once, begun: begin.begun || begin.text };
  const opened = openedMessage(dialect, text);
  const form = { dialect, tools: tools.length > 0 ? signatures : null, begun: begin.begun, held, opened };
  return { chat, text: text + begin.text, marked: marked + begin.text, form, warnings };
}

const signatureOf = ({ function: { name, parameters, strict } }: Conversation['tools'][number]): ToolSignature => ({
  ...{ name, parameters: parameters ?? null },
  ...(strict === true ? { strict } : {}),
});

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
