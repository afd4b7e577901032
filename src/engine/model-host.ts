import type { EvaluationResult, GenerationResult, ModelInfo } from '../contract/api.js';
import type { Progress } from '../contract/progress.js';
import type { Methods, Prompt } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import type { Plan } from '../plan/plan.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { TraceHeader } from '../trace/trace.js';
import { TraceWriter } from '../trace/trace-writer.js';
import type { ChatPrompts } from './chat-prompts.js';
import type { Engine } from './engine.js';
import type { FeedForwardTap, StreamedFeedForward } from './feed-forward.js';
import { checkIds, checkPrompt, generate } from './generate.js';
import { Meter, type MeterSources } from './meter.js';
import { negativeLogLikelihood, scoreTop } from './score.js';

type Arguments<M extends keyof Methods> = Methods[M]['args'];
type OnEvent = (event: unknown) => void;

/** Everything that a loaded model consists of. `dispose` lets go of all of it. */
interface HostParts {
  info: ModelInfo;
  plan: Plan;
  engine: Engine;
  feedForward: StreamedFeedForward;
  traceHeader: TraceHeader;
  tokenizer: Tokenizer;
  chatPrompts: ChatPrompts;
  sources: MeterSources;
  aborted: () => boolean;
  dispose: () => Promise<void>;
}

/** A loaded model inside its worker: the methods of contract/protocol.ts, one call at a time. */
export class ModelHost {
  readonly info: ModelInfo;
  readonly plan: Plan;
  readonly #parts: HostParts;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.info = parts.info;
    this.plan = parts.plan;
  }

  /**
   * Writes on from a prompt, and records what was streamed if the settings name a trace file. Throws what `generate`
   * throws.
   */
  async generate({ prompt, settings }: Arguments<'generate'>, onEvent: OnEvent): Promise<GenerationResult> {
    const { engine, feedForward, traceHeader, tokenizer, chatPrompts, sources, aborted } = this.#parts;
    const { contextSize, vocabSize } = this.info;
    const ids = this.#encode(prompt);
    const trace = settings.trace === null ? null : new TraceWriter(settings.trace, traceHeader);
    feedForward.trace = trace;
    try {
      const result = await generate(ids, settings, {
        engine,
        tokenizer,
        meter: new Meter(sources),
        vocabSize,
        contextSize,
        aborted,
        onPrefill: (done, total) => {
          if (done === total) trace?.endPrompt();
          onEvent({ done, total });
        },
        onPiece: onEvent,
      });
      if (isChat(prompt)) chatPrompts.answered(result);
      return result;
    } finally {
      feedForward.trace = null;
      trace?.close();
    }
  }

  #encode(prompt: Prompt): readonly number[] {
    const { tokenizer, chatPrompts } = this.#parts;
    if (isChat(prompt)) return chatPrompts.encode(prompt.messages, prompt.template);
    if (typeof prompt !== 'string') return prompt;
    return tokenizer.encode(prompt, { addBos: tokenizer.addBos, addEos: false, parseSpecial: false });
  }

  tokenize({ text, special }: Arguments<'tokenize'>): number[] {
    const { tokenizer } = this.#parts;
    return tokenizer.encode(text, {
      addBos: special && tokenizer.addBos,
      addEos: special && tokenizer.addEos,
      parseSpecial: special,
    });
  }

  detokenize({ ids }: Arguments<'detokenize'>): string {
    checkIds(ids, this.info.vocabSize);
    return this.#parts.tokenizer.decode(ids);
  }

  logprobs({ tokens, topK }: Arguments<'logprobs'>): Promise<[number, number][][]> {
    checkPrompt(tokens, this.info.vocabSize, this.info.contextSize);
    if (!Number.isSafeInteger(topK) || topK < 1)
      throw new FlashrowError('BAD_USAGE', `topK is a whole number from 1, not ${topK}`, { option: 'topK' });
    return scoreTop(this.#parts.engine, tokens, topK);
  }

  evaluate({ sequences }: Arguments<'evaluate'>, onEvent: OnEvent): Promise<EvaluationResult> {
    return this.score(sequences, (done) => {
      const progress: Progress = { stage: 'score', done, total: sequences.length, unit: 'sequences' };
      onEvent(progress);
    });
  }

  /**
   * Sums the negative log-likelihood of all sequences. `onLogits` sees the logits[vocabSize] of every token, `tap` the
   * input of every layer's feed-forward network. Throws BAD_USAGE, CONTEXT_OVERFLOW, ABORTED, CORRUPT or IO.
   */
  async score(
    sequences: readonly (readonly number[])[],
    onSequence: (done: number) => void,
    onLogits?: (logits: Float32Array) => void,
    tap: FeedForwardTap | null = null,
  ): Promise<EvaluationResult> {
    const { engine, feedForward } = this.#parts;
    for (const sequence of sequences) checkPrompt(sequence, this.info.vocabSize, this.info.contextSize);
    const meter = new Meter(this.#parts.sources);
    let nll = 0;
    let tokens = 0;
    let read = 0;
    feedForward.tap = tap;
    try {
      for (const [index, sequence] of sequences.entries()) {
        nll += await negativeLogLikelihood(engine, sequence, onLogits);
        tokens += sequence.length - 1;
        read += sequence.length;
        onSequence(index + 1);
      }
    } finally {
      feedForward.tap = null;
    }
    meter.endPrefill(read);
    const meanNll = nll / tokens;
    return { tokens, meanNll, perplexity: Math.exp(meanNll), receipt: meter.receipt() };
  }

  /**
   * Runs ids from an empty state. `tap` sees the input x[tokens, hiddenSize] of every layer's feed-forward network,
   * chunk by chunk. Throws BAD_USAGE, CONTEXT_OVERFLOW, ABORTED, CORRUPT or IO.
   */
  async observe(ids: readonly number[], tap: FeedForwardTap): Promise<void> {
    const { engine, feedForward } = this.#parts;
    checkPrompt(ids, this.info.vocabSize, this.info.contextSize);
    engine.rewind(0);
    feedForward.tap = tap;
    try {
      await engine.prefill(ids, 0);
    } finally {
      feedForward.tap = null;
    }
  }

  dispose(): Promise<void> {
    return this.#parts.dispose();
  }
}

const isChat = (prompt: Prompt): prompt is Extract<Prompt, { messages: unknown }> =>
  typeof prompt === 'object' && 'messages' in prompt;
