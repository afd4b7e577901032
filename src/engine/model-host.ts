import { checkPrompt } from '../contract/check-ids.js';
import type { EvaluationResult } from '../contract/generation.js';
import type { SavedState } from '../contract/model.js';
import type { ModelInfo } from '../contract/model-info.js';
import type { Progress } from '../contract/progress.js';
import type { EngineResult, Methods } from '../contract/protocol.js';
import type { Receipt } from '../contract/receipt.js';
import type { Plan } from '../plan/plan.js';
import type { UnitShape } from '../plan/units.js';
import { TableSpelling } from '../text/vocabulary-table.js';
import type { TraceHeader } from '../trace/trace.js';
import { TraceWriter } from '../trace/trace-writer.js';
import { ActivityRecorder } from './activity-recorder.js';
import { Constraints } from './constraints.js';
import type { Engine } from './engine.js';
import type { FeedForwardTap, StreamedFeedForward } from './feed-forward.js';
import { generate } from './generate.js';
import { Meter, type MeterSources } from './meter.js';
import { negativeLogLikelihood, scoreTop } from './score.js';
import { loadState, type StateOwner, saveState } from './state/state-file.js';

type Arguments<M extends keyof Methods> = Methods[M]['args'];
type OnEvent = (event: unknown) => void;

/** Everything that a loaded model consists of. `dispose` lets go of all of it. */
interface HostParts {
  info: ModelInfo;
  plan: Plan;
  engine: Engine;
  feedForward: StreamedFeedForward;
  /** The units of each layer. */
  units: readonly UnitShape[];
  traceHeader: TraceHeader;
  stateOwner: StateOwner;
  sources: MeterSources;
  aborted: () => boolean;
  dispose: () => Promise<void>;
}

/** A loaded model inside its worker: the methods of contract/protocol.ts, one call at a time. */
export class ModelHost {
  readonly info: ModelInfo;
  readonly plan: Plan;
  readonly activity: ActivityRecorder;
  readonly #parts: HostParts;
  readonly #constraints: Constraints;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.info = parts.info;
    this.#constraints = new Constraints(parts.info.vocabSize);
    this.plan = parts.plan;
    this.activity = new ActivityRecorder(parts.units, parts.sources);
    parts.feedForward.activity = this.activity;
  }

  /** Units and bundles of each layer. */
  get layers(): { units: number; bundles: number }[] {
    return this.#parts.units.map(({ units, bundles }) => ({ units, bundles }));
  }

  /** The receipt of no work. */
  get idle(): Receipt {
    return new Meter(this.#parts.sources).receipt();
  }

  /**
   * Writes on from a prompt, and records what was streamed if the settings name a trace file. Throws what `generate`
   * throws.
   */
  async generate(
    { prompt, settings, vocabulary, form, progress }: Arguments<'generate'>,
    onEvent: OnEvent,
  ): Promise<EngineResult> {
    const { engine, feedForward, traceHeader, sources, aborted } = this.#parts;
    const { contextSize, vocabSize } = this.info;
    const tell = (done: number, total: number) => {
      const event: Progress = { stage: 'prefill', done, total, unit: 'tokens' };
      onEvent(event);
    };
    const spelling = new TableSpelling(vocabulary);
    const trace = settings.trace === null ? null : new TraceWriter(settings.trace, traceHeader);
    feedForward.trace = trace;
    try {
      return await generate(prompt, settings, {
        engine,
        spelling,
        constraint: this.#constraints.of(settings.responseFormat, spelling, vocabulary.channels !== null),
        channels: vocabulary.channels,
        form,
        meter: new Meter(sources),
        vocabSize,
        contextSize,
        aborted,
        onPrefill: (done, total) => {
          if (done === total) trace?.endPrompt();
          if (progress) tell(done, total);
        },
        onPiece: onEvent,
      });
    } finally {
      feedForward.trace = null;
      trace?.close();
    }
  }

  logprobs({ tokens, topK }: Arguments<'logprobs'>): Promise<[number, number][][]> {
    return scoreTop(this.#parts.engine, tokens, topK);
  }

  evaluate({ sequences }: Arguments<'evaluate'>, onEvent: OnEvent): Promise<EvaluationResult> {
    return this.score(sequences, (done) => {
      const progress: Progress = { stage: 'score', done, total: sequences.length, unit: 'sequences' };
      onEvent(progress);
    });
  }

  saveState({ path }: Arguments<'saveState'>): SavedState {
    return saveState(path, this.#parts.engine, this.#parts.stateOwner);
  }

  loadState({ path }: Arguments<'loadState'>): SavedState {
    return loadState(path, this.#parts.engine, this.#parts.stateOwner);
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
    engine.begin();
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
