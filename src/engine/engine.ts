/*
 * Begin reading here. This file is the whole model in one loop, from ids to logits; every part that it calls has a file
 * of its own. `#forward`, below, is the heart. For a chunk of tokens it does, in this order:
 *
 *     dense.embed              ids -> x, the residual stream [tokens, hiddenSize]        dense/embedding.ts
 *     for each layer
 *       mixer.step             norm, queries, keys, values; attention over the state     attention.ts, mixer.ts
 *       dense.attentionOutput  x += output projection; norm -> the network's input       dense/segments.ts
 *       feedForward.run        selector -> cache -> disk -> kernels: the streamed half   feed-forward.ts
 *       dense.finishFeedForward, then x += the network's output                          dense/create-dense-half.ts
 *     dense.logits             last norm, head -> logits [rows, vocabSize]               dense/load-head.ts
 *
 * From here go up to generate.ts (prompt, sampler, stop strings: how tokens become text) and score.ts (probabilities of
 * a given text), to open-host.ts (how the parts are loaded and put together) and to worker/engine-thread.ts (the thread
 * they run in).
 */

import type { DenseHalf } from '../dense/dense-half.js';
import { FlashrowError } from '../errors.js';
import { LOGIT_ROWS } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';
import type { StreamedFeedForward } from './feed-forward.js';
import type { Stopwatch } from './meter.js';
import type { Mixer } from './mixer.js';
import { type Sequence, Sequences } from './state/sequences.js';

/** The parts that an engine puts to work. The engine does not own them: open-host.ts disposes of them. */
export interface EngineParts {
  spec: ModelSpec;
  dense: DenseHalf;
  mixer: Mixer;
  feedForward: StreamedFeedForward;
  contextSize: number;
  /** Sequences whose state is held side by side; the mixer has as many. */
  sequences: number;
  /** Tokens that go through a layer together. */
  chunkTokens: number;
  /** Adds up the time of the resident half. */
  denseTime: Stopwatch;
  /** Throws CORRUPT if a file that weights are read from has changed since the load. */
  checkSource: () => void;
  /** True once another thread wants the work to stop; asked before each layer. */
  aborted: () => boolean;
}

/** The loop over layers, and the sequences whose state is held. One caller at a time. */
export class Engine {
  readonly #parts: EngineParts;
  readonly #sequences: Sequences;
  /** The one in use. */
  #sequence: Sequence;
  /** The residual stream of a chunk, [chunkTokens, hiddenSize]. */
  readonly #x: Float32Array;
  /** The mixer's output, [chunkTokens, mixer.width]. */
  readonly #mixed: Float32Array;
  /** Input and output of a feed-forward network, [chunkTokens, hiddenSize] each. */
  readonly #input: Float32Array;
  readonly #output: Float32Array;
  /** Logits of the rows that were last computed, [LOGIT_ROWS, vocabSize]. */
  readonly logits: Float32Array;
  readonly #rows: readonly Float32Array[];

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { spec, mixer, chunkTokens } = parts;
    this.#sequences = new Sequences(parts.sequences);
    [this.#sequence] = this.#sequences.all;
    this.#x = new Float32Array(chunkTokens * spec.hiddenSize);
    this.#mixed = new Float32Array(chunkTokens * mixer.width);
    this.#input = new Float32Array(chunkTokens * spec.hiddenSize);
    this.#output = new Float32Array(chunkTokens * spec.hiddenSize);
    const { vocabSize } = spec;
    this.logits = new Float32Array(LOGIT_ROWS * vocabSize);
    this.#rows = Array.from({ length: LOGIT_ROWS }, (_, row) =>
      this.logits.subarray(row * vocabSize, (row + 1) * vocabSize),
    );
  }

  /** The number of tokens whose state the sequence in use holds: the position of the next one. */
  get position(): number {
    return this.#sequence.ids.length;
  }

  /**
   * Goes on with the sequence that a prompt suits (state/sequences.ts), keeps the state of the longest prefix that they
   * have in common, and returns its length. It never keeps all of `ids`: the last token has to run to give logits. A
   * mixer that cannot go back that far keeps less. `key` names the conversation; null where nobody named it.
   */
  reuse(ids: readonly number[], key: string | null): number {
    const { sequence, copied, common } = this.#sequences.choose(ids, key);
    this.#use(sequence);
    if (copied) {
      sequence.ids.length = 0;
      this.#parts.mixer.copy(copied.index, common);
      for (let i = 0; i < common; i++) sequence.ids.push(copied.ids[i]);
    }
    return this.#rewind(common);
  }

  /** Goes on with an empty sequence: one that is, or the one that was used longest ago. */
  begin(): void {
    this.#use(this.#sequences.oldest());
    this.#rewind(0);
  }

  /** Ids whose state the sequence in use holds. */
  get held(): readonly number[] {
    return this.#sequence.ids;
  }

  /** Writes the state of the sequence in use. */
  save(write: (bytes: Uint8Array) => void): void {
    this.#parts.mixer.save(this.position, write);
  }

  /**
   * Reads what `save` wrote of `ids` into an empty sequence, or that which was used longest ago. Throws what `read`
   * throws, or CORRUPT; the sequence is then empty.
   */
  load(ids: readonly number[], read: (into: Uint8Array) => void): void {
    this.begin();
    try {
      this.#parts.mixer.load(ids.length, read);
    } catch (error) {
      this.#rewind(0);
      throw error;
    }
    for (const id of ids) this.#sequence.ids.push(id);
  }

  #use(sequence: Sequence): void {
    this.#sequence = sequence;
    this.#sequences.touch(sequence);
    this.#parts.mixer.use(sequence.index);
  }

  /** Takes the state back to `length` tokens, or to fewer if the mixer cannot stop there; returns how many are held. */
  #rewind(length: number): number {
    const reached = this.#parts.mixer.rewind(length);
    this.#sequence.ids.length = reached;
    return reached;
  }

  /**
   * Runs ids[from..] through all layers, chunk by chunk. The logits of the last token are then the first row of
   * `logits`. Throws ABORTED at most one layer after `aborted` turned true, CONTEXT_OVERFLOW, CORRUPT or IO; the state
   * then holds the chunks that were finished. `onLayer` is told how many of `ids` are done, after each layer of each
   * chunk: a fraction, until the chunk's logits are there.
   */
  async prefill(ids: readonly number[], from: number, onLayer?: (done: number) => void): Promise<void> {
    const { mixer, spec } = this.#parts;
    const { numLayers } = spec;
    // The end of the turn before, and of this prompt: the next prompt may part from the text there.
    mixer.snapshot();
    this.#sequences.prompt(this.#sequence, ids.length);
    for (let at = from; at < ids.length; ) {
      const tokens = Math.min(this.#parts.chunkTokens, ids.length - at);
      const start = at;
      const tell = onLayer && ((layers: number) => onLayer(start + (tokens * layers) / numLayers));
      if (at + tokens === ids.length) mixer.snapshotNext();
      await this.#forward(ids.slice(at, at + tokens), tell);
      at += tokens;
      if (at === ids.length) await this.#computeLogits(tokens - 1, 1);
      onLayer?.(at);
    }
  }

  /** Runs one token. Its logits are then the first row of `logits`. Throws as `prefill` does. */
  async decode(id: number): Promise<void> {
    await this.#forward([id]);
    await this.#computeLogits(0, 1);
  }

  /**
   * Runs up to LOGIT_ROWS tokens in one pass. `logitsOf(i)` is then what follows ids[i], as if it had run alone. Throws
   * as `prefill` does.
   */
  async verify(ids: readonly number[]): Promise<void> {
    await this.#forward(ids);
    await this.#computeLogits(0, ids.length);
  }

  /** Logits[vocabSize] of a row that was computed last. */
  logitsOf(row: number): Float32Array {
    return this.#rows[row];
  }

  /** Takes the state back to `length` tokens, which lie within the last pass of up to LOGIT_ROWS. */
  rewind(length: number): void {
    this.#rewind(length);
  }

  /**
   * Runs ids[from..] and shows the logits of every position in order: `visit(index into ids, logits[vocabSize])`. The
   * logits are valid during the call alone. Throws as `prefill` does.
   */
  async score(
    ids: readonly number[],
    from: number,
    visit: (index: number, logits: Float32Array) => void,
  ): Promise<void> {
    const { vocabSize } = this.#parts.spec;
    for (let at = from; at < ids.length; ) {
      const tokens = Math.min(this.#parts.chunkTokens, ids.length - at);
      await this.#forward(ids.slice(at, at + tokens));
      for (let row = 0; row < tokens; row += LOGIT_ROWS) {
        const rows = Math.min(LOGIT_ROWS, tokens - row);
        await this.#computeLogits(row, rows);
        for (let i = 0; i < rows; i++) visit(at + row + i, this.logits.subarray(i * vocabSize, (i + 1) * vocabSize));
      }
      at += tokens;
    }
  }

  /**
   * Runs `ids` as the next tokens of the state: one pass over all layers. `#x` then holds [ids.length, hiddenSize].
   * `onLayer` is told the layers done, before the last one.
   */
  async #forward(ids: readonly number[], onLayer?: (layers: number) => void): Promise<void> {
    const { spec, dense, mixer, feedForward, denseTime, contextSize } = this.#parts;
    const x = this.#x;
    const mixed = this.#mixed;
    const input = this.#input;
    const output = this.#output;
    const position = this.position;
    const tokens = ids.length;
    if (position + tokens > contextSize) {
      throw new FlashrowError(
        'CONTEXT_OVERFLOW',
        `${position + tokens} tokens do not fit the context of ${contextSize}; shorten the prompt, or raise \`contextSize\``,
        {
          tokens: position + tokens,
          contextSize,
        },
      );
    }
    dense.embed(ids, position, x);
    try {
      for (let layer = 0; layer < spec.numLayers; layer++) {
        if (this.#parts.aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
        await mixer.step(layer, x, tokens, position, mixed);
        denseTime.start();
        dense.attentionOutput(layer, mixed, x, tokens, input);
        denseTime.stop();
        const { experts, router } = dense.networkInputs(layer, x, tokens, input);
        feedForward.run(layer, experts, tokens, output, router);
        denseTime.start();
        dense.finishFeedForward(layer, input, tokens, output);
        denseTime.stop();
        for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += output[i];
        dense.finishLayer(layer, x, tokens);
        if (layer + 1 < spec.numLayers) onLayer?.(layer + 1);
      }
      // Asked last: bytes that this pass read from a changed file were changed before now.
      this.#parts.checkSource();
    } catch (error) {
      // Half a pass is worth nothing: its tokens are forgotten, and so are reads ahead for layers that will not come.
      this.#rewind(position);
      const wasAborted = error instanceof FlashrowError && error.code === 'ABORTED';
      feedForward.restart(!wasAborted);
      // A file that was written meanwhile explains what else went wrong, such as an end that came too early.
      if (!wasAborted) this.#parts.checkSource();
      throw error;
    }
    feedForward.endToken();
    for (const id of ids) this.#sequence.ids.push(id);
  }

  /** Fills the first `rows` rows of `logits` from rows `row` and after of `#x`. */
  async #computeLogits(row: number, rows: number): Promise<void> {
    const { hiddenSize } = this.#parts.spec;
    this.#parts.denseTime.start();
    this.#parts.dense.logits(this.#x.subarray(row * hiddenSize, (row + rows) * hiddenSize), rows, this.logits);
    this.#parts.denseTime.stop();
  }
}
