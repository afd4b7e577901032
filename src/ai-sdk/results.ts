import type {
  JSONObject,
  LanguageModelV3Content,
  LanguageModelV3FinishReason,
  LanguageModelV3StreamPart,
  LanguageModelV3Usage,
  SharedV3ProviderMetadata,
} from '@ai-sdk/provider';
import type { GenerationResult, Piece, ToolCall } from '../index.js';

const UNIFIED: Readonly<Record<string, LanguageModelV3FinishReason['unified']>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool-calls',
};

const callOf = ({ id, name, arguments: given }: ToolCall) => ({
  ...{ type: 'tool-call' as const, toolCallId: id, toolName: name, input: JSON.stringify(given) },
});

/** What an answer says, in the order of the AI SDK: reasoning, text, calls. */
export function contentOf({ reasoning, text, toolCalls }: GenerationResult): LanguageModelV3Content[] {
  return [
    ...(reasoning === '' ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
    ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    ...toolCalls.map(callOf),
  ];
}

/** How an answer ended, and what it cost; the receipt is the provider's metadata. */
export function endOf(result: GenerationResult): {
  finishReason: LanguageModelV3FinishReason;
  usage: LanguageModelV3Usage;
  providerMetadata: SharedV3ProviderMetadata;
} {
  const { usage, finishReason, endedBy, receipt, seed, warnings, logprobs } = result;
  const told = { receipt, seed, warnings, ...(logprobs ? { logprobs } : {}) };
  return {
    finishReason: { unified: UNIFIED[finishReason] ?? 'other', raw: endedBy },
    usage: {
      inputTokens: {
        ...{
          total: usage.prompt,
          noCache: usage.prompt - usage.cached,
          cacheRead: usage.cached,
          cacheWrite: undefined,
        },
      },
      outputTokens: {
        ...{ total: usage.completion, text: usage.completion - usage.reasoning, reasoning: usage.reasoning },
      },
    },
    providerMetadata: { flashrow: told as unknown as JSONObject },
  };
}

/** Turns pieces into the parts of a stream: texts and reasoning begin and end, calls come whole. */
export class StreamParts {
  #open: { type: 'text' | 'reasoning'; id: string } | null = null;
  #count = 0;

  of(piece: Piece): LanguageModelV3StreamPart[] {
    if (piece.type === 'tool-call') return [...this.end(), ...callParts(piece.call)];
    if (piece.text === '') return [];
    const { type } = piece;
    const before = this.#open?.type === type ? [] : [...this.end(), this.#begin(type)];
    return [...before, { type: `${type}-delta`, id: this.#open!.id, delta: piece.text }];
  }

  /** Ends what is open. */
  end(): LanguageModelV3StreamPart[] {
    if (!this.#open) return [];
    const { type, id } = this.#open;
    this.#open = null;
    return [{ type: `${type}-end`, id }];
  }

  #begin(type: 'text' | 'reasoning'): LanguageModelV3StreamPart {
    this.#open = { type, id: String(this.#count++) };
    return { type: `${type}-start`, id: this.#open.id };
  }
}

function callParts(call: ToolCall): LanguageModelV3StreamPart[] {
  const { toolCallId: id, toolName, input } = callOf(call);
  return [
    { type: 'tool-input-start', id, toolName },
    { type: 'tool-input-delta', id, delta: input },
    { type: 'tool-input-end', id },
    callOf(call),
  ];
}
