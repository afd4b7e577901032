import type {
  ChatOptions,
  EvaluationResult,
  GenerateOptions,
  Generation,
  GenerationResult,
  Model,
  ModelInfo,
  Piece,
} from '../contract/api.js';
import type { Progress } from '../contract/progress.js';
import type { Prompt } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import type { Plan } from '../plan/plan.js';
import type { ChatMessage } from '../text/chat-template.js';
import { requireIds, requireOptions, requireSequences, requireText } from './check-arguments.js';
import { CHAT_OPTIONS, GENERATE_OPTIONS, generateSettings } from './generate-settings.js';
import { CALLBACK, SIGNAL, YES_OR_NO } from './option-tables.js';
import type { WorkerChannel } from './worker-channel.js';

/** A loaded model in the caller's thread. Every call goes to the worker behind the channel. */
export class WorkerModel implements Model {
  readonly info: ModelInfo;
  readonly plan: Plan;
  readonly #channel: WorkerChannel;
  #disposal: Promise<void> | null = null;

  constructor(channel: WorkerChannel, info: ModelInfo, plan: Plan) {
    this.#channel = channel;
    this.info = info;
    this.plan = plan;
  }

  generate(prompt: string | readonly number[], options: GenerateOptions = {}): Generation {
    if (typeof prompt !== 'string' && !Array.isArray(prompt)) {
      throw new FlashrowError('BAD_USAGE', 'a prompt is a string or an array of token ids', { option: 'prompt' });
    }
    requireOptions('generate()', options, GENERATE_OPTIONS);
    return this.#start(prompt, options);
  }

  chat(messages: readonly ChatMessage[], chatOptions: ChatOptions = {}): Generation {
    checkMessages(messages);
    requireOptions('chat()', chatOptions, CHAT_OPTIONS);
    const { template, ...options } = chatOptions;
    const prompt = { messages: messages.map(({ role, content }) => ({ role, content })), template: template ?? null };
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    return this.#start(prompt, { ...this.info.samplingDefaults, ...Object.fromEntries(given) });
  }

  #start(prompt: Prompt, options: GenerateOptions): Generation {
    const settings = generateSettings(options);
    const pieces = new PieceQueue();
    // To leave the loop is no failure: the generation ends early, and its result says so.
    const leave = new AbortController();
    const result = this.#channel.call(
      'generate',
      { prompt, settings },
      {
        signal: options.signal,
        leave: leave.signal,
        onEvent: (event) => {
          if ('token' in event) pieces.push(event);
          else options.onPrefill?.(event.done, event.total);
        },
      },
    );
    result.then(
      () => pieces.end(),
      (error) => pieces.fail(error),
    );
    return new WorkerGeneration(result, pieces, () => leave.abort());
  }

  async tokenize(text: string, options: { special?: boolean } = {}): Promise<number[]> {
    requireText('text', text);
    requireOptions('tokenize()', options, { special: YES_OR_NO });
    const { special = true } = options;
    return this.#channel.call('tokenize', { text, special });
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    requireIds('ids', ids);
    return this.#channel.call('detokenize', { ids });
  }

  async logprobs(
    tokens: readonly number[],
    topK: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<[number, number][][]> {
    requireIds('tokens', tokens);
    requireOptions('logprobs()', options, { signal: SIGNAL });
    return this.#channel.call('logprobs', { tokens, topK }, { signal: options.signal });
  }

  async evaluate(
    sequences: readonly (readonly number[])[],
    options: { signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {},
  ): Promise<EvaluationResult> {
    requireSequences('sequences', sequences);
    requireOptions('evaluate()', options, { signal: SIGNAL, onProgress: CALLBACK });
    const { signal, onProgress } = options;
    return this.#channel.call('evaluate', { sequences }, { signal, onEvent: onProgress });
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#channel.dispose();
    return this.#disposal;
  }
}

function checkMessages(messages: readonly ChatMessage[]): void {
  const sound =
    Array.isArray(messages) &&
    messages.length > 0 &&
    messages.every((message) => typeof message?.role === 'string' && typeof message.content === 'string');
  if (!sound)
    throw new FlashrowError('BAD_USAGE', 'messages are a list of at least one {role, content}, both texts', {
      option: 'messages',
    });
}

class WorkerGeneration implements Generation {
  readonly result: Promise<GenerationResult>;
  readonly #pieces: PieceQueue;
  readonly #leave: () => void;

  constructor(result: Promise<GenerationResult>, pieces: PieceQueue, leave: () => void) {
    this.result = result;
    this.#pieces = pieces;
    this.#leave = leave;
  }

  [Symbol.asyncIterator](): AsyncIterator<Piece> {
    return {
      next: () => this.#pieces.next(),
      return: async () => {
        this.#leave();
        this.#pieces.end();
        return { done: true, value: undefined };
      },
    };
  }
}

/** Pieces on their way from the worker to the loop that reads them. */
class PieceQueue {
  readonly #ready: Piece[] = [];
  #waiting: { resolve: (step: IteratorResult<Piece>) => void; reject: (error: unknown) => void } | null = null;
  #over = false;
  #error: unknown = null;

  push(piece: Piece): void {
    if (this.#over) return;
    if (this.#waiting) this.#waiting.resolve({ done: false, value: piece });
    else this.#ready.push(piece);
    this.#waiting = null;
  }

  end(): void {
    this.#over = true;
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = null;
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  next(): Promise<IteratorResult<Piece>> {
    const piece = this.#ready.shift();
    if (piece) return Promise.resolve({ done: false, value: piece });
    if (this.#error) return Promise.reject(this.#error);
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
