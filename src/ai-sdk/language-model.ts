import type {
  LanguageModelV3,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
  LanguageModelV3StreamResult,
} from '@ai-sdk/provider';
import type { ChatOptions, Model } from '../index.js';
import { type CallOptions, chatOptions } from './chat-options.js';
import { messagesOf } from './messages.js';
import { contentOf, endOf, StreamParts } from './results.js';

/** How a model answers the AI SDK. */
export interface LanguageModelSettings {
  /** What the AI SDK calls it; default the name of the model. */
  modelId?: string | undefined;
  /**
   * Options of each of its calls, unless the call says otherwise: `template`, `templateVariables`, `minP` and so on.
   */
  options?: Omit<ChatOptions, 'signal' | 'onStart' | 'onProgress' | 'tools' | 'toolChoice'> | undefined;
}

/**
 * A loaded model for `generateText` and the other functions of the AI SDK, in this process: no server is needed. It has
 * the third shape of the interface, and heeds `reasoning` of the fourth.
 */
export function languageModel(model: Model, settings: LanguageModelSettings = {}): FlashrowLanguageModel {
  if (typeof model?.chat !== 'function') throw new TypeError('languageModel() takes a model of loadModel()');
  const unknown = Object.keys(settings).filter((name) => name !== 'modelId' && name !== 'options');
  if (unknown.length > 0)
    throw new TypeError(`languageModel() has no option ${unknown.join(', ')}; it has modelId and options`);
  return new FlashrowLanguageModel(model, settings);
}

/** See `languageModel`. Failures are those of `Model.chat`. */
export class FlashrowLanguageModel implements LanguageModelV3 {
  readonly specificationVersion = 'v3';
  readonly provider = 'flashrow';
  readonly modelId: string;
  /** No URL is fetched. */
  readonly supportedUrls: Record<string, RegExp[]> = {};
  readonly #model: Model;
  readonly #options: ChatOptions;

  constructor(model: Model, { modelId = model.info.name, options = {} }: LanguageModelSettings) {
    this.modelId = modelId;
    this.#model = model;
    this.#options = options;
  }

  /** The whole answer. `providerMetadata.flashrow` has the receipt, the seed and the warnings. */
  async doGenerate(options: CallOptions): Promise<LanguageModelV3GenerateResult> {
    const { generation, warnings } = this.#begin(options);
    const result = await generation.result;
    options.abortSignal?.throwIfAborted();
    const response = { timestamp: new Date(), modelId: this.modelId };
    return { content: contentOf(result), ...endOf(result), warnings, response };
  }

  /** The answer as it comes. */
  async doStream(options: CallOptions): Promise<LanguageModelV3StreamResult> {
    const { generation, warnings } = this.#begin(options);
    const { modelId } = this;
    const pieces = generation[Symbol.asyncIterator]();
    const parts = new StreamParts();
    const stream = new ReadableStream<LanguageModelV3StreamPart>({
      start(controller) {
        controller.enqueue({ type: 'stream-start', warnings });
        controller.enqueue({ type: 'response-metadata', timestamp: new Date(), modelId });
      },
      async pull(controller) {
        // A piece may have no part: the stream asks again only after one.
        for (let told = 0; told === 0; ) {
          const { done, value } = await pieces.next();
          const next = done ? parts.end() : parts.of(value);
          for (const part of next) controller.enqueue(part);
          told = next.length;
          if (!done) continue;
          controller.enqueue({ type: 'finish', ...endOf(await generation.result) });
          controller.close();
          return;
        }
      },
      async cancel() {
        await pieces.return?.();
      },
    });
    return { stream };
  }

  #begin(options: CallOptions) {
    const { chat, warnings } = chatOptions(options, this.#options);
    return { generation: this.#model.chat(messagesOf(options.prompt), chat), warnings };
  }
}
