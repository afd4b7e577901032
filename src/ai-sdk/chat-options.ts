import type { LanguageModelV3CallOptions, SharedV3Warning } from '@ai-sdk/provider';
import type { ChatOptions, Tool } from '../index.js';

/** Options of a call. The fourth version of the interface has `reasoning`, the third has not. */
export type CallOptions = LanguageModelV3CallOptions & { reasoning?: string | undefined };

/** A call's options as `chat` takes them, with what of them cannot be had. */
export function chatOptions(
  options: CallOptions,
  given: ChatOptions,
): { chat: ChatOptions; warnings: SharedV3Warning[] } {
  const { tools, warnings } = functionsOf(options);
  const { maxOutputTokens: maxTokens, temperature, topP, topK, presencePenalty, frequencyPenalty, seed } = options;
  const { stopSequences: stop, abortSignal: signal } = options;
  const own = (options.providerOptions?.flashrow ?? {}) as ChatOptions;
  const variables = { ...given.templateVariables, ...reasoningOf(options), ...own.templateVariables };
  const asked: ChatOptions = {
    ...{ maxTokens, temperature, topP, topK, presencePenalty, frequencyPenalty, seed, signal },
    ...(stop?.length ? { stop } : {}),
    ...(tools.length > 0 ? { tools, toolChoice: choiceOf(options) } : {}),
    responseFormat: formatOf(options),
  };
  const chat = { ...given, ...defined(asked), ...own };
  return { chat: Object.keys(variables).length > 0 ? { ...chat, templateVariables: variables } : chat, warnings };
}

const defined = (options: ChatOptions): ChatOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function functionsOf({ tools = [] }: CallOptions): { tools: Tool[]; warnings: SharedV3Warning[] } {
  const functions: Tool[] = [];
  const warnings: SharedV3Warning[] = [];
  for (const tool of tools) {
    if (tool.type !== 'function') {
      warnings.push({ type: 'unsupported', feature: `the tool ${tool.name}, which the provider would have to run` });
      continue;
    }
    const { name, description, inputSchema, strict } = tool;
    functions.push({
      type: 'function',
      function: {
        ...{ name, description, parameters: inputSchema as Tool['function']['parameters'] },
        ...(strict === undefined ? {} : { strict }),
      },
    });
  }
  return { tools: functions, warnings };
}

function choiceOf({ toolChoice }: CallOptions): ChatOptions['toolChoice'] {
  return toolChoice?.type === 'tool' ? { name: toolChoice.toolName } : toolChoice?.type;
}

function formatOf({ responseFormat }: CallOptions): ChatOptions['responseFormat'] {
  if (responseFormat?.type !== 'json') return undefined;
  const { schema } = responseFormat;
  return schema ? { type: 'json_schema', schema: schema as Record<string, unknown> } : { type: 'json_object' };
}

/** What templates call it: Qwen's switch it on or off, gpt-oss' takes a level. */
function reasoningOf({ reasoning }: CallOptions): Record<string, unknown> {
  if (reasoning === undefined || reasoning === 'provider-default') return {};
  if (reasoning === 'none') return { enable_thinking: false };
  return { enable_thinking: true, reasoning_effort: reasoning };
}
