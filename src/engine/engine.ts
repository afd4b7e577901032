/*
 * Begin reading here. This file is the whole model in one loop, from ids to logits; every part that it calls has a file
 * of its own. `#forward`, below, is the heart. For a pass, which is a chunk of a prompt, tokens that several calls wait
 * for (rounds/rounds.ts), or both, it does, in this order:
 *
 *     dense.embed              ids -> x, the residual stream [tokens, hiddenSize]        dense/embedding.ts
 *     for each layer
 *       mixer.step             norm, queries, keys, values; attention over the state     attention.ts, mixer.ts
 *       dense.attentionOutput  x += output projection; norm -> the network's input       dense/segments.ts
 *       feedForward.run        selector -> cache -> disk -> kernels: the streamed half   feed-forward.ts
 *       dense.finishFeedForward, then x += the network's output                          dense/create-dense-half.ts
 *     dense.logits             last norm, head -> logits [rows, vocabSize]               dense/load-head.ts
 *
 * From here go up to rounds/lanes.ts and rounds/lane.ts (which state a call goes on with, and what it can ask for),
 * generate.ts (prompt, sampler, stop strings: how tokens become text) and score.ts (probabilities of a given text), to
 * open-host.ts (how the parts are loaded and put together) and to worker/engine-thread.ts (the thread they run in).
 */

import type { DenseHalf } from '../dense/dense-half.js';
import type { FewIds } from '../draft/few-ids.js';
import { FlashrowError } from '../errors.js';
import { LOGIT_ROWS, logitRows } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';
import type { StreamedFeedForward } from './feed-forward.js';
import type { Stopwatch } from './meter.js';
import type { Mixer } from './mixer.js';
import { addLayerRows, type GivenRows, giveRows, standIns } from './pictures/picture-ids.js';
import { Lanes } from './rounds/lanes.js';
import type { Ledger } from './rounds/ledger.js';
import { Rounds, type Work, type WorkPass } from './rounds/rounds.js';
import type { Sessions } from './state/sessions.js';

/** The parts that an engine puts to work. The engine does not own them: open-host.ts disposes of them. */
export interface EngineParts {
  spec: ModelSpec;
  dense: DenseHalf;
  mixer: Mixer;
  feedForward: StreamedFeedForward;
  contextSize: number;
  /** Sequences whose state is held side by side; the mixer has as many. */
  sequences: number;
  /** Where conversations go that leave memory; absent or null where they are forgotten. */
  sessions?: Sessions | null;
  /** Tokens that go through a layer together. */
  chunkTokens: number;
  /** Adds up the time of the resident half. */
  denseTime: Stopwatch;
  /** Charges the calls with what their passes cost. */
  ledger: Ledger;
  /** Throws CORRUPT if a file that weights are read from has changed since the load. */
  checkSource: () => void;
  /** Networks that foretell, of all layers; null or absent without such. */
  shadow?: { run(layer: number, x: Float32Array, y: Float32Array): void } | null | undefined;
  /** What a block that predicts further tokens reads; null or absent for a whole model. */
  hidden?: HiddenInput | null;
  /** Embeddings of pictures; null for a model without eyes. */
  given: GivenRows | null;
}

/** The hidden states at the positions before the tokens of the next pass, [chunkTokens, hiddenSize]. */
export interface HiddenInput {
  readonly rows: Float32Array;
  /** Whether the block made them, and not the model. */
  isOwn: boolean;
}

/** The loop over layers, for as many calls at once as there are sequences. */
export class Engine {
  readonly #parts: EngineParts;
  /** The sequences whose state is held. */
  readonly lanes: Lanes;
  /** Ids of a pass. */
  readonly #ids: number[] = [];
  /** The residual stream of a pass, [chunkTokens, hiddenSize]. */
  readonly #x: Float32Array;
  /** The mixer's output, [chunkTokens, mixer.width]. */
  readonly #mixed: Float32Array;
  /** Input and output of a feed-forward network, [chunkTokens, hiddenSize] each. */
  readonly #input: Float32Array;
  readonly #output: Float32Array;
  /** Logits of the rows that were last computed, [logitRows, vocabSize], and a view of each row. */
  readonly #logits: Float32Array;
  readonly #rowsOfLogits: readonly Float32Array[];

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { spec, mixer, chunkTokens, contextSize, sequences: calls, sessions = null } = parts;
    const { hiddenSize, vocabSize } = spec;
    this.#x = new Float32Array(chunkTokens * hiddenSize);
    this.#mixed = new Float32Array(chunkTokens * mixer.width);
    this.#input = new Float32Array(chunkTokens * hiddenSize);
    this.#output = new Float32Array(chunkTokens * hiddenSize);
    const rows = logitRows(calls);
    this.#logits = new Float32Array(rows * vocabSize);
    this.#rowsOfLogits = Array.from({ length: rows }, (_, row) =>
      this.#logits.subarray(row * vocabSize, (row + 1) * vocabSize),
    );
    const rounds = new Rounds(
      {
        ...{ tokens: chunkTokens, logitRows: rows, calls },
        wholePictures: spec.pictureTokens !== null,
        gridPositions: spec.rotary?.sections !== undefined,
      },
      (pass) => this.#pass(pass),
    );
    const rowOfLogits = (row: number) => this.#rowsOfLogits[row];
    this.lanes = new Lanes({ rounds, mixer, contextSize, rowOfLogits, count: calls, sessions });
  }

  /** Tokens that `verify` of a lane takes at most. */
  get mostVerified(): number {
    return Math.min(this.#rowsOfLogits.length, this.#parts.chunkTokens);
  }

  /** Whether `verify` of a lane takes tokens that stand beside others. */
  get takesOthers(): boolean {
    const { mixer, spec } = this.#parts;
    return mixer.swap !== undefined && spec.rotary?.sections === undefined;
  }

  /** Where a block that predicts further tokens finds hidden states; null for a whole model. */
  get hidden(): HiddenInput | null {
    return this.#parts.hidden ?? null;
  }

  /** Runs a pass. Throws what made it fail; no part of it has then run, and nobody was charged for nothing. */
  async #pass(pass: WorkPass): Promise<void> {
    const { ledger } = this.#parts;
    try {
      await this.#forward(pass);
      for (const part of pass.parts) if (!part.dropped) part.sees?.(part.position, this.#x, part.row, part.tokens);
      for (const part of pass.parts) if (part.visit) this.#showLogits(part);
      this.#computeLogits(pass);
    } finally {
      ledger.charge(pass.parts);
    }
    for (const part of pass.parts) if (!part.dropped) part.onLayer?.(part.done + part.tokens);
  }

  /** Runs the tokens of a pass through all layers. `#x` then holds [pass.tokens, hiddenSize]. */
  async #forward(pass: WorkPass): Promise<void> {
    const { spec, dense, mixer, feedForward, denseTime, given, hidden, shadow } = this.#parts;
    const x = this.#x;
    const mixed = this.#mixed;
    const input = this.#input;
    const output = this.#output;
    const isDraft = pass.parts[0].drafting;
    this.#begin(pass);
    const ids = standIns(this.#ids, given);
    dense.embed(ids, pass.positions, x);
    feedForward.begin(ids);
    if (given) giveRows(this.#ids, given, x, spec.hiddenSize);
    if (hidden) dense.join!.run(hidden.rows, hidden.isOwn, x, pass.tokens);
    try {
      for (let layer = 0; layer < spec.numLayers; layer++) {
        this.#dropAborted(pass);
        await mixer.step(layer, x, pass, mixed);
        const { tokens } = pass;
        denseTime.start();
        dense.attentionOutput(layer, mixed, x, tokens, input);
        denseTime.stop();
        const { experts, router } = dense.networkInputs(layer, x, tokens, input);
        if (isDraft) shadow!.run(layer, experts, output);
        else feedForward.run(layer, experts, tokens, output, router);
        denseTime.start();
        dense.finishFeedForward(layer, input, tokens, output);
        denseTime.stop();
        for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += output[i];
        dense.finishLayer(layer, x, tokens);
        if (given && layer < given.deepstack) addLayerRows(this.#ids, given, layer, x, spec.hiddenSize);
        if (layer + 1 < spec.numLayers) tellLayers(pass, (layer + 1) / spec.numLayers);
      }
      // Asked last: bytes that this pass read from a changed file were changed before now.
      this.#parts.checkSource();
    } catch (error) {
      this.#giveUp(pass, error);
      throw error;
    }
    if (!isDraft) feedForward.endToken();
    for (const part of pass.parts) this.#keep(part);
  }

  /** Gathers the ids of a pass. */
  #begin({ parts }: WorkPass): void {
    const ids = this.#ids;
    ids.length = 0;
    for (const part of parts) {
      for (let i = part.done; i < part.done + part.tokens; i++) ids.push(part.ids[i]);
      // The end of a prompt, which the next one may part from.
      if (part.inPieces && part.ends) this.#parts.mixer.snapshotNext(part.sequence);
    }
  }

  /**
   * Drops the parts whose calls were aborted: their calls end at once, and the others go on. Throws ABORTED where no
   * part is left.
   */
  #dropAborted(pass: WorkPass): void {
    const { parts } = pass;
    let anyAborted = false;
    for (const part of parts) anyAborted ||= !part.dropped && part.caller.aborted();
    if (!anyAborted) return;
    // Those that leave pay for what was read up to now.
    this.#parts.ledger.charge(parts);
    for (const part of parts) if (!part.dropped && part.caller.aborted()) part.drop();
    // Rows in the middle stay where they are and are computed for nobody; those at the end, as of a prompt, are not.
    const last = parts.findLast(({ dropped }) => !dropped);
    if (!last) throw new FlashrowError('ABORTED', 'the work was aborted');
    pass.tokens = last.row + last.tokens;
  }

  /** Half a pass is worth nothing: its tokens are forgotten, and so are reads ahead for layers that will not come. */
  #giveUp({ parts }: WorkPass, error: unknown): void {
    for (const part of parts) this.#rewind(part);
    const wasAborted = error instanceof FlashrowError && error.code === 'ABORTED';
    this.#parts.feedForward.restart(!wasAborted);
    // A file that was written meanwhile explains what else went wrong, such as an end that came too early.
    if (!wasAborted) this.#parts.checkSource();
  }

  /** Notes that a part of a pass has run; one that was dropped on the way is forgotten. */
  #keep(part: Work): void {
    if (part.dropped) this.#rewind(part);
    else for (let i = part.done; i < part.done + part.tokens - part.after.length; i++) part.held.ids.push(part.ids[i]);
  }

  #rewind({ sequence, held, position }: Work): void {
    held.ids.length = this.#parts.mixer.rewind(sequence, position);
  }

  /** Computes the logits that the parts of a pass want, all in one product. */
  #computeLogits({ parts }: WorkPass): void {
    const { hiddenSize } = this.#parts.spec;
    let rows = 0;
    for (const part of parts) {
      part.logitRow = rows;
      if (part.dropped || !part.ends || part.wanted === 0) continue;
      const from = (part.row + part.tokens - part.wanted) * hiddenSize;
      // The network's input is no longer needed.
      this.#input.set(this.#x.subarray(from, from + part.wanted * hiddenSize), rows * hiddenSize);
      rows += part.wanted;
    }
    if (rows > 0) this.#multiplyHead(this.#input, 0, rows, parts.length === 1 ? parts[0].few : null);
  }

  /** Shows the logits of all rows of a part, some at a time. */
  #showLogits(part: Work): void {
    for (let row = 0; row < part.tokens; row += LOGIT_ROWS) {
      const rows = Math.min(LOGIT_ROWS, part.tokens - row);
      this.#multiplyHead(this.#x, part.row + row, rows);
      for (let i = 0; i < rows; i++) part.visit!(part.done + row + i, this.#rowsOfLogits[i]);
    }
  }

  /**
   * Fills the first `rows` rows of logits from rows `first` and after of x[.., hiddenSize]. `few`: the ids of the first
   * row that are wanted; null for all, of all rows.
   */
  #multiplyHead(x: Float32Array, first: number, rows: number, few: FewIds | null = null): void {
    const { dense, denseTime, spec } = this.#parts;
    const from = x.subarray(first * spec.hiddenSize, (first + rows) * spec.hiddenSize);
    denseTime.start();
    if (few) dense.fewLogits(from, few, this.#logits);
    else dense.logits(from, rows, this.#logits);
    denseTime.stop();
  }
}

/** Tells those who ask that a share of the layers is done. */
function tellLayers({ parts }: WorkPass, share: number): void {
  for (const part of parts) if (!part.dropped) part.onLayer?.(part.done + part.tokens * share);
}
