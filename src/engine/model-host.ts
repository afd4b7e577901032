import type { StreamedLayer } from '../contract/activity.js';
import { checkPrompt } from '../contract/check-ids.js';
import { withoutEyes } from '../contract/check-pictures.js';
import type { EvaluationResult } from '../contract/generation.js';
import type { SavedState } from '../contract/model.js';
import type { ModelInfo } from '../contract/model-info.js';
import type { Progress } from '../contract/progress.js';
import type { EngineResult, Methods, PictureFile } from '../contract/protocol.js';
import type { Receipt } from '../contract/receipt.js';
import type { Plan } from '../plan/plan.js';
import type { UnitShape } from '../plan/units.js';
import { TableSpelling } from '../text/vocabulary-table.js';
import type { TraceHeader } from '../trace/trace.js';
import { TraceWriter } from '../trace/trace-writer.js';
import { ActivityRecorder } from './activity-recorder.js';
import { Constraints } from './constraints.js';
import type { Speculation } from './drafts/speculation.js';
import type { Engine } from './engine.js';
import type { FeedForwardTap, StreamedFeedForward } from './feed-forward.js';
import { generate } from './generate.js';
import { Meter, type MeterSources } from './meter.js';
import { type Pictures, type PlacedPrompt, withoutPictures } from './pictures/pictures.js';
import type { Ledger } from './rounds/ledger.js';
import type { Caller } from './rounds/rounds.js';
import { negativeLogLikelihood, scoreTop } from './score.js';
import { loadState, type StateOwner, saveState } from './state/state-file.js';

type Arguments<M extends keyof Methods> = Methods[M]['args'];
type OnEvent = (event: unknown) => void;
type Aborted = () => boolean;

/** Everything that a loaded model consists of. `dispose` lets go of all of it. */
interface HostParts {
  info: ModelInfo;
  plan: Plan;
  engine: Engine;
  feedForward: StreamedFeedForward;
  /** The units of each layer. */
  units: readonly UnitShape[];
  /** Foretells tokens; null where nothing does. */
  speculation: Speculation | null;
  /** Tokens of answers that a pass may have at most, all calls together. */
  mostInPass: number;
  traceHeader: TraceHeader;
  stateOwner: StateOwner;
  sources: MeterSources;
  ledger: Ledger;
  /** Null for a model without eyes. */
  pictures: Pictures | null;
  dispose: () => Promise<void>;
}

/**
 * A loaded model inside its worker: the methods of contract/protocol.ts. As many generations at once as there are
 * sequences, or one other call. `aborted` turns true once a call is to end.
 */
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
    this.activity = new ActivityRecorder(parts.units, this.layers, parts.sources);
    parts.feedForward.activity = this.activity;
  }

  /** What of each layer streams. */
  get layers(): StreamedLayer[] {
    const { units, traceHeader } = this.#parts;
    return traceHeader.layers.map((layer, at) => ({ ...layer, bundles: units[at].bundles }));
  }

  /** The receipt of no work. */
  get idle(): Receipt {
    const meter = this.#meter();
    meter.close();
    return meter.receipt();
  }

  /**
   * Writes on from a prompt, and records what was streamed if the settings name a trace file: it is then the only call.
   * Throws what `generate` throws.
   */
  async generate(
    { prompt, pictures, settings, vocabulary, form, progress }: Arguments<'generate'>,
    aborted: Aborted,
    onEvent: OnEvent,
  ): Promise<EngineResult> {
    const { engine, feedForward, speculation, mostInPass, traceHeader } = this.#parts;
    const { contextSize, vocabSize } = this.info;
    const tell = (done: number, total: number) => {
      const event: Progress = { stage: 'prefill', done, total, unit: 'tokens' };
      onEvent(event);
    };
    const spelling = new TableSpelling(vocabulary);
    const placed = this.#place(prompt, pictures, settings.seed, aborted);
    const trace = settings.trace === null ? null : new TraceWriter(settings.trace, traceHeader);
    if (trace) feedForward.trace = trace;
    const meter = this.#meter();
    const lane = engine.lanes.reuse(placed.ids, settings.cacheKey, { aborted, account: meter, grids: placed.grids });
    // A trace records what each token asks for.
    const drafts = settings.drafts && trace === null && speculation?.take() ? speculation : null;
    try {
      if (drafts === null && engine.lanes.taken <= 1) await speculation?.rest();
      return await generate(prompt, settings, {
        lane,
        placed,
        spelling,
        constraint: this.#constraints.of(settings.responseFormat, form, spelling, vocabulary.channels !== null),
        closing: (texts) => this.#constraints.writing(texts, spelling),
        channels: vocabulary.channels,
        form,
        meter,
        speculation: drafts,
        alone: () => engine.lanes.taken <= 1,
        room: () => (trace === null ? Math.max(1, Math.floor(mostInPass / engine.lanes.taken)) : 1),
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
      placed.end();
      lane.end();
      drafts?.end();
      meter.close();
      if (trace) feedForward.trace = null;
      trace?.close();
    }
  }

  async logprobs(
    { tokens, pictures, topK, seed }: Arguments<'logprobs'>,
    aborted: Aborted,
  ): Promise<[number, number][][]> {
    const placed = this.#place(tokens, pictures, seed, aborted);
    try {
      placed.see(0);
      return await scoreTop(this.#parts.engine, placed.ids, topK, { aborted, account: null, grids: placed.grids });
    } finally {
      placed.end();
    }
  }

  evaluate({ sequences }: Arguments<'evaluate'>, aborted: Aborted, onEvent: OnEvent): Promise<EvaluationResult> {
    return this.score(sequences, aborted, (done) => {
      const progress: Progress = { stage: 'score', done, total: sequences.length, unit: 'sequences' };
      onEvent(progress);
    });
  }

  saveState({ path }: Arguments<'saveState'>): SavedState {
    return saveState(path, this.#parts.engine.lanes.last, this.#parts.stateOwner);
  }

  loadState({ path }: Arguments<'loadState'>): SavedState {
    return loadState(path, this.#parts.engine.lanes.load, this.#parts.stateOwner);
  }

  /**
   * Sums the negative log-likelihood of all sequences. `onLogits` sees the logits[vocabSize] of every token, `tap` the
   * input of every layer's feed-forward network. Throws BAD_USAGE, CONTEXT_OVERFLOW, ABORTED, CORRUPT or IO.
   */
  async score(
    sequences: readonly (readonly number[])[],
    aborted: Aborted,
    onSequence: (done: number) => void,
    onLogits?: (logits: Float32Array) => void,
    tap: FeedForwardTap | null = null,
  ): Promise<EvaluationResult> {
    const { engine, feedForward } = this.#parts;
    for (const sequence of sequences) checkPrompt(sequence, this.info.vocabSize, this.info.contextSize);
    const meter = this.#meter();
    const caller: Caller = { aborted, account: meter };
    let nll = 0;
    let tokens = 0;
    let read = 0;
    feedForward.tap = tap;
    try {
      for (const [index, sequence] of sequences.entries()) {
        nll += await negativeLogLikelihood(engine, sequence, caller, onLogits);
        tokens += sequence.length - 1;
        read += sequence.length;
        onSequence(index + 1);
      }
      meter.endPrefill(read);
      const meanNll = nll / tokens;
      return { tokens, meanNll, perplexity: Math.exp(meanNll), receipt: meter.receipt() };
    } finally {
      feedForward.tap = null;
      meter.close();
    }
  }

  /**
   * Runs ids from an empty state. `tap` sees the input x[tokens, hiddenSize] of every layer's feed-forward network,
   * chunk by chunk. Throws BAD_USAGE, CONTEXT_OVERFLOW, ABORTED, CORRUPT or IO.
   */
  async observe(ids: readonly number[], aborted: Aborted, tap: FeedForwardTap): Promise<void> {
    const { engine, feedForward } = this.#parts;
    checkPrompt(ids, this.info.vocabSize, this.info.contextSize);
    const lane = engine.lanes.begin({ aborted, account: null });
    feedForward.tap = tap;
    try {
      await lane.prefill(ids);
    } finally {
      feedForward.tap = null;
      lane.end();
    }
  }

  /** A prompt with its pictures. Throws BAD_USAGE where they do not go together, UNSUPPORTED without eyes. */
  #place(ids: readonly number[], files: readonly PictureFile[], seed: number, aborted: Aborted): PlacedPrompt {
    const { pictures } = this.#parts;
    if (pictures) return pictures.place(ids, files, seed, aborted);
    if (files.length > 0) throw withoutEyes();
    return withoutPictures(ids);
  }

  #meter(): Meter {
    return new Meter(this.#parts.sources, this.#parts.ledger);
  }

  /** Keeps conversations where the model was told to, and frees everything. */
  dispose(): Promise<void> {
    this.#parts.engine.lanes.keepAll();
    return this.#parts.dispose();
  }
}
