import type { DenseHalf } from '../dense/dense-half.js';
import { FlashrowError } from '../errors.js';
import { LOGIT_ROWS } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';
import type { FeedForward } from './feed-forward.js';
import type { Stopwatch } from './meter.js';
import type { Mixer } from './mixer.js';

export interface EngineParts {
  spec: ModelSpec;
  dense: DenseHalf;
  mixer: Mixer;
  feedForward: FeedForward;
  contextSize: number;
  /** Tokens that go through a layer together. */
  chunkTokens: number;
  denseTime: Stopwatch;
  /** Throws where a file that weights are read from is no longer what it was. */
  checkSource: () => void;
  /** Raised from another thread to stop at the next layer. */
  aborted: () => boolean;
}

/** The loop over layers, and the tokens whose state is held. One caller at a time. */
export class Engine {
  /** Ids whose state the mixer holds, in order. */
  private readonly held: number[] = [];
  private readonly x: Float32Array;
  private readonly mixed: Float32Array;
  private readonly input: Float32Array;
  private readonly output: Float32Array;
  /** Logits of the rows last asked for: [LOGIT_ROWS, vocabSize]. */
  readonly logits: Float32Array;

  constructor(private readonly parts: EngineParts) {
    const { spec, mixer, chunkTokens } = parts;
    this.x = new Float32Array(chunkTokens * spec.hiddenSize);
    this.mixed = new Float32Array(chunkTokens * mixer.width);
    this.input = new Float32Array(chunkTokens * spec.hiddenSize);
    this.output = new Float32Array(chunkTokens * spec.hiddenSize);
    this.logits = new Float32Array(LOGIT_ROWS * spec.vocabSize);
  }

  /** Tokens whose state is held. */
  get position(): number {
    return this.held.length;
  }

  /** Keeps the longest common prefix of what is held and `ids`, but never all of `ids`: its last token has to run to give logits. Returns its length. */
  reuse(ids: readonly number[]): number {
    let common = 0;
    while (common < this.held.length && common < ids.length - 1 && this.held[common] === ids[common]) common++;
    return this.rewind(common);
  }

  rewind(length: number): number {
    const reached = this.parts.mixer.rewind(length);
    this.held.length = reached;
    return reached;
  }

  /**
   * Runs ids[from..] through all layers, chunk by chunk, and leaves the logits of the last token in the first row of `logits`. Throws ABORTED at the
   * latest one layer after the flag went up; state then holds the chunks that were finished.
   */
  async prefill(ids: readonly number[], from: number, onChunk?: (done: number) => void): Promise<void> {
    for (let at = from; at < ids.length; ) {
      const tokens = Math.min(this.parts.chunkTokens, ids.length - at);
      await this.forward(ids.slice(at, at + tokens));
      at += tokens;
      if (at === ids.length) await this.computeLogits(tokens - 1, 1);
      onChunk?.(at);
    }
  }

  /** Runs one token and leaves its logits in the first row of `logits`. */
  async decode(id: number): Promise<void> {
    await this.forward([id]);
    await this.computeLogits(0, 1);
  }

  /** Runs ids[from..] and hands out the logits of every position, in order: `visit(index into ids, logits[vocabSize])`. */
  async score(
    ids: readonly number[],
    from: number,
    visit: (index: number, logits: Float32Array) => void,
  ): Promise<void> {
    const { vocabSize } = this.parts.spec;
    for (let at = from; at < ids.length; ) {
      const tokens = Math.min(this.parts.chunkTokens, ids.length - at);
      await this.forward(ids.slice(at, at + tokens));
      for (let row = 0; row < tokens; row += LOGIT_ROWS) {
        const rows = Math.min(LOGIT_ROWS, tokens - row);
        await this.computeLogits(row, rows);
        for (let i = 0; i < rows; i++) visit(at + row + i, this.logits.subarray(i * vocabSize, (i + 1) * vocabSize));
      }
      at += tokens;
    }
  }

  private async forward(ids: number[]): Promise<void> {
    const { spec, dense, mixer, feedForward, denseTime, contextSize } = this.parts;
    const { x, mixed, input, output } = this;
    const position = this.held.length;
    const tokens = ids.length;
    if (position + tokens > contextSize) {
      throw new FlashrowError(
        'CONTEXT_OVERFLOW',
        `${position + tokens} tokens do not fit the context of ${contextSize}; shorten the prompt or raise the context size`,
        {
          tokens: position + tokens,
          contextSize,
        },
      );
    }
    dense.embed(ids, position, x);
    try {
      for (let layer = 0; layer < spec.numLayers; layer++) {
        if (this.parts.aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
        await mixer.step(layer, x, tokens, position, mixed);
        denseTime.start();
        await dense.attentionOutput(layer, mixed, x, tokens, input);
        denseTime.stop();
        feedForward.run(layer, input, tokens, output);
        dense.finishFeedForward(layer, input, tokens, output);
        for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += output[i];
      }
      // A file that changed did so before now, if its bytes went into this pass.
      this.parts.checkSource();
    } catch (error) {
      // Half a pass is worth nothing: forget its tokens, and what was read ahead for layers that will not come.
      this.rewind(position);
      feedForward.restart(!(error instanceof FlashrowError && error.code === 'ABORTED'));
      throw error;
    }
    feedForward.endToken();
    for (const id of ids) this.held.push(id);
  }

  private async computeLogits(row: number, rows: number): Promise<void> {
    const { hiddenSize } = this.parts.spec;
    this.parts.denseTime.start();
    await this.parts.dense.logits(this.x.subarray(row * hiddenSize, (row + rows) * hiddenSize), rows, this.logits);
    this.parts.denseTime.stop();
  }
}
