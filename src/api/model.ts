import { resolve } from 'node:path';
import { type ActivityOptions, type ActivitySample, idleLayer, type StreamedLayer } from '../contract/activity.js';
import { checkIds, checkPrompt, checkScored } from '../contract/check-ids.js';
import type { ChatOptions, GenerateOptions, TemplateOptions, TokenizeOptions } from '../contract/generate-options.js';
import type { EvaluationResult, Generation } from '../contract/generation.js';
import type { Model, SavedState } from '../contract/model.js';
import type { ModelInfo } from '../contract/model-info.js';
import type { Progress } from '../contract/progress.js';
import type { Conversation, EngineResult, GenerateSettings } from '../contract/protocol.js';
import type { Receipt } from '../contract/receipt.js';
import type { Plan } from '../plan/plan.js';
import type { ImageInput, RegionInput } from '../text/chat-message.js';
import type { MessageInput } from '../text/chat-template.js';
import type { VocabularyTable } from '../text/vocabulary-table.js';
import {
  expect,
  requireIds,
  requireOptions,
  requirePrompt,
  requireSequences,
  requireText,
} from './checks/check-arguments.js';
import { uncalledTools } from './checks/check-tools.js';
import { conversation } from './conversation.js';
import { forgetDrop, watchForDrop } from './dropped-models.js';
import { CHAT_OPTIONS, GENERATE_OPTIONS, generateSettings } from './generate-settings.js';
import { type Follow, WorkerGeneration } from './generation.js';
import type { ModelThreads } from './model-threads.js';
import {
  CALLBACK,
  IMAGES,
  isWholeFrom0,
  REGIONS,
  SIGNAL,
  TEMPLATE_OPTIONS,
  TOKENIZE_OPTIONS,
  YES_OR_NO,
} from './option-tables.js';
import { AnswerBoxes } from './pictures/answer-boxes.js';
import { givenImages, haveRegions, imagesIn } from './pictures/images.js';
import { type Prompt, Prompts } from './prompts.js';
import { checkBiases, SEED, seeded, uselessOptions } from './sampling-settings.js';
import { pathOf } from './source.js';

/** What a load brings. */
export interface Loaded {
  info: ModelInfo;
  plan: Plan;
  vocabulary: VocabularyTable;
  /** The receipt of no work. */
  idle: Receipt;
  /** What streams. */
  layers: readonly StreamedLayer[];
}

const UNTOLD_REASONING =
  '`maxReasoningTokens` changed nothing: how the model marks its reasoning is not known; that is known in chats, by templates that show it';

/** What the engine answered, and what was odd about the prompt. */
type Answer = EngineResult & { warnings: readonly string[] };

/** A loaded model in the caller's thread. Every call goes to one of its threads. */
export class WorkerModel implements Model {
  readonly info: ModelInfo;
  readonly plan: Plan;
  readonly #threads: ModelThreads;
  readonly #prompts: Prompts;
  readonly #loaded: Loaded;

  constructor(threads: ModelThreads, loaded: Loaded) {
    this.info = loaded.info;
    this.plan = loaded.plan;
    this.#threads = threads;
    this.#prompts = new Prompts(threads, loaded.info);
    this.#loaded = loaded;
    watchForDrop(this, threads, loaded.info.path);
  }

  get pending(): number {
    return this.#threads.engine.waiting;
  }

  get closed(): Promise<void> {
    return this.#threads.closed;
  }

  generate(prompt: string | readonly number[], options: GenerateOptions = {}): Generation {
    requirePrompt(prompt);
    requireOptions('generate()', options, GENERATE_OPTIONS);
    const images = givenImages(options.images, options.regions);
    const regions = haveRegions(images);
    const warnings = uselessOptions(options, options, regions);
    const prepare = () =>
      typeof prompt === 'string'
        ? this.#prompts.ofText(prompt, options.parseSpecial, images)
        : this.#prompts.ofIds(prompt, images);
    if (options.stop?.length && this.#loaded.vocabulary.bytes.length === 0)
      warnings.push('`stop` changed nothing: the tokenizer of the model is not supported, so its answers have no text');
    if (typeof prompt !== 'string' && options.parseSpecial !== undefined)
      warnings.push('`parseSpecial` changed nothing: the prompt is token ids, which are taken as they are');
    return this.#start(prepare, seeded(options, regions), warnings);
  }

  chat(messages: readonly MessageInput[], options: ChatOptions = {}): Generation {
    requireOptions('chat()', options, CHAT_OPTIONS);
    const conversed = conversation(messages, options);
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const drawn: GenerateOptions = { ...this.info.samplingDefaults, ...given };
    const images = imagesIn(messages);
    const prepare = () => this.#prompts.ofConversation(conversed, images);
    const regions = haveRegions(images);
    return this.#start(prepare, seeded(drawn, regions), uselessOptions(options, drawn, regions));
  }

  #start(prepare: () => Prompt, options: GenerateOptions, warnings: string[]): Generation {
    checkBiases(options, this.info.vocabSize);
    const settings = generateSettings(options);
    return new WorkerGeneration(options.signal, async (follow) => {
      const answer = await this.#answer(prepare, settings, options, follow);
      return { ...answer, seed: settings.seed, warnings: [...warnings, ...answer.warnings] };
    });
  }

  /** The answer, or the answer so far where the generation is left. */
  async #answer(
    prepare: () => Prompt,
    settings: GenerateSettings,
    { onStart, onProgress }: GenerateOptions,
    { leaving, onPiece, onTicket }: Follow,
  ): Promise<Answer> {
    if (leaving.signal.aborted) return this.#nothing();
    const prompt = prepare();
    const { vocabulary } = this.#loaded;
    const boxes = this.info.vision?.boxes ? new AnswerBoxes() : null;
    const format = this.#prompts.checkFormat(settings.responseFormat);
    const argsOf = async (ids: readonly number[]) => {
      await format;
      const form = await prompt.form;
      const pictures = await prompt.pictures;
      boxes?.begin(pictures);
      return { prompt: ids, pictures, settings, vocabulary, form, progress: !!onProgress };
    };
    // A trace is of one call: what others ask for would be in it, or come out of it.
    const beside = settings.trace === null && this.info.selector !== 'trace';
    const call = this.#threads.engine.call('generate', prompt.ids.then(argsOf), {
      beside,
      leave: leaving.signal,
      onTicket,
      onTurn: async () => {
        onStart?.();
        return argsOf(await prompt.latest());
      },
      onEvent: (event) => ('stage' in event ? onProgress?.(event) : onPiece(boxes?.inPiece(event) ?? event)),
    });
    try {
      const answer = await call;
      prompt.answered(answer);
      const { warnings, ...found } = boxes?.inAnswer(answer.text) ?? { warnings: [] };
      const form = await prompt.form;
      const told = [...(await prompt.warnings), ...uncalledTools(form, answer), ...warnings];
      if (Number.isFinite(settings.maxReasoningTokens) && form === null && vocabulary.channels === null)
        told.push(UNTOLD_REASONING);
      return { ...answer, ...found, warnings: told };
    } catch (error) {
      if (error === leaving.signal.reason) return this.#nothing();
      throw error;
    }
  }

  /** The answer of a generation that was left before its turn came. */
  #nothing(): Answer {
    const usage = { prompt: 0, cached: 0, completion: 0, reasoning: 0 };
    const { idle: receipt } = this.#loaded;
    return {
      text: '',
      reasoning: '',
      toolCalls: [],
      tokens: [],
      finishReason: 'abort',
      endedBy: 'abort',
      stopText: null,
      usage,
      receipt,
      warnings: [],
    };
  }

  async tokenize(text: string, options: TokenizeOptions = {}): Promise<number[]> {
    requireText('text', text);
    requireOptions('tokenize()', options, TOKENIZE_OPTIONS);
    return this.#prompts.encode(text, options);
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    requireIds('ids', ids);
    checkIds(ids, this.info.vocabSize);
    return this.#prompts.send('decode', { ids });
  }

  async countTokens(
    input: string | readonly MessageInput[],
    options: TokenizeOptions & ChatOptions = {},
  ): Promise<number> {
    if (typeof input === 'string') {
      requireOptions('countTokens()', options, { ...TOKENIZE_OPTIONS, ...GENERATE_OPTIONS });
      await this.#checkGeneration(options);
      return (await this.#prompts.encode(input, options)).length;
    }
    requireOptions<ChatOptions>('countTokens()', options, CHAT_OPTIONS);
    await this.#checkGeneration(options);
    return this.#sized(input, options, (sized) => this.#prompts.send('count', sized));
  }

  /** Refuses what a generation with these options would refuse. */
  async #checkGeneration(options: GenerateOptions): Promise<void> {
    checkBiases(options, this.info.vocabSize);
    const { responseFormat } = generateSettings(options);
    await this.#prompts.checkFormat(responseFormat);
  }

  async applyTemplate(messages: readonly MessageInput[], options: TemplateOptions = {}): Promise<string> {
    requireOptions('applyTemplate()', options, TEMPLATE_OPTIONS);
    return this.#sized(messages, options, (sized) => this.#prompts.send('render', sized));
  }

  #sized<T>(
    messages: readonly MessageInput[],
    options: TemplateOptions,
    use: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    return this.#prompts.withSizes(conversation(messages, options), imagesIn(messages), use);
  }

  async logprobs(
    tokens: readonly number[],
    topK: number,
    options: {
      signal?: AbortSignal | undefined;
      images?: readonly ImageInput[] | undefined;
      regions?: readonly RegionInput[] | undefined;
      seed?: number | undefined;
    } = {},
  ): Promise<[number, number][][]> {
    requireIds('tokens', tokens);
    requireOptions('logprobs()', options, { signal: SIGNAL, images: IMAGES, regions: REGIONS, seed: SEED });
    checkPrompt(tokens, this.info.vocabSize, this.info.contextSize);
    expect(isWholeFrom0(topK) && topK > 0, 'topK', topK, 'a whole number from 1');
    const args = { tokens: [...tokens], topK, seed: options.seed ?? 0 };
    return this.#prompts.withPictures(givenImages(options.images, options.regions), (pictures) =>
      this.#threads.engine.call('logprobs', { ...args, pictures }, { signal: options.signal }),
    );
  }

  async evaluate(
    sequences: readonly (readonly number[])[],
    options: { signal?: AbortSignal | undefined; onProgress?: ((progress: Progress) => void) | undefined } = {},
  ): Promise<EvaluationResult> {
    requireSequences('sequences', sequences);
    requireOptions('evaluate()', options, { signal: SIGNAL, onProgress: CALLBACK });
    // A copy: what the caller changes while the call waits changes nothing.
    const copies = sequences.map((sequence) => [...sequence]);
    for (const sequence of copies) checkPrompt(sequence, this.info.vocabSize, this.info.contextSize);
    checkScored(copies);
    const { signal, onProgress } = options;
    return this.#threads.engine.call('evaluate', { sequences: copies }, { signal, onEvent: onProgress });
  }

  async saveState(path: string | URL, options: { signal?: AbortSignal | undefined } = {}): Promise<SavedState> {
    return this.#withState('saveState', path, options);
  }

  async loadState(path: string | URL, options: { signal?: AbortSignal | undefined } = {}): Promise<SavedState> {
    return this.#withState('loadState', path, options);
  }

  #withState(
    method: 'saveState' | 'loadState',
    given: string | URL,
    options: { signal?: AbortSignal | undefined },
  ): Promise<SavedState> {
    const path = resolve(pathOf('path', given, 'path'));
    requireOptions(`${method}()`, options, { signal: SIGNAL });
    return this.#threads.engine.call(method, { path }, { signal: options.signal });
  }

  activity(options: ActivityOptions = {}): AsyncIterableIterator<ActivitySample> {
    requireOptions('activity()', options, { trace: YES_OR_NO });
    const { idle, layers } = this.#loaded;
    const { stateBytes, memoryBytes, rssGrowthBytes } = idle;
    const first: ActivitySample = {
      ...{ ms: 0, passes: 0, tokens: 0, bundlesHit: 0, bundlesMissed: 0 },
      ...{ payloadBytesRead: 0, deviceBytesRead: 0, recordsRead: 0 },
      ...{ readWaitMs: 0, ffnMs: 0, denseMs: 0, otherMs: 0, stateBytes, memoryBytes, rssGrowthBytes },
      ...{ layers: layers.map(idleLayer), trace: [] },
    };
    return this.#threads.engine.activity.open(first, options, this.closed);
  }

  async dispose(options: { drain?: boolean | undefined } = {}): Promise<void> {
    requireOptions('dispose()', options, { drain: YES_OR_NO });
    forgetDrop(this.#threads);
    await this.#threads.dispose(options.drain);
  }

  /** Node before 20.4 has no such symbol; see below. */
  declare [Symbol.asyncDispose]: () => Promise<void>;
}

if (Symbol.asyncDispose)
  Object.defineProperty(WorkerModel.prototype, Symbol.asyncDispose, {
    value(this: WorkerModel) {
      return this.dispose();
    },
  });
