import type { LanguageModelV3Prompt, LanguageModelV3ToolResultPart } from '@ai-sdk/provider';
import type { ChatMessage } from '../index.js';

type Message = LanguageModelV3Prompt[number];
type AssistantPart = Extract<Message, { role: 'assistant' }>['content'][number];

/** A prompt of the AI SDK as messages. Parts that are no text reach the model as they are: it refuses them by name. */
export const messagesOf = (prompt: LanguageModelV3Prompt): ChatMessage[] => prompt.flatMap(messageOf);

function messageOf(message: Message): ChatMessage[] {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.content }];
    case 'user':
      return [{ role: 'user', content: message.content.map(contentPart) as ChatMessage['content'] }];
    case 'assistant':
      return [assistantMessage(message.content)];
    case 'tool':
      return message.content.flatMap((part) => (part.type === 'tool-result' ? [resultMessage(part)] : []));
  }
}

const contentPart = (part: { type: string; text?: string }) =>
  part.type === 'text' ? { type: 'text', text: part.text } : { type: part.type };

function assistantMessage(parts: readonly AssistantPart[]): ChatMessage {
  const textOf = (type: 'text' | 'reasoning') =>
    parts.map((part) => (part.type === type ? (part as { text: string }).text : '')).join('');
  const calls = parts.flatMap((part) =>
    part.type === 'tool-call'
      ? [{ id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: part.input } }]
      : [],
  );
  const reasoning = textOf('reasoning');
  return {
    role: 'assistant',
    content: textOf('text'),
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

const resultMessage = ({ toolCallId, toolName, output }: LanguageModelV3ToolResultPart): ChatMessage => ({
  role: 'tool',
  tool_call_id: toolCallId,
  name: toolName,
  content: resultContent(output),
});

function resultContent(output: LanguageModelV3ToolResultPart['output']): ChatMessage['content'] {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value;
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value);
    case 'execution-denied':
      return output.reason ?? 'the call was denied';
    case 'content':
      return output.value.map(contentPart) as ChatMessage['content'];
  }
}
