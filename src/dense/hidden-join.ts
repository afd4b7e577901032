import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ModelSpec, PredictionSpec } from '../model/spec.js';
import { FINAL_NORM, JOIN } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import type { SegmentLoad } from './load-layer.js';
import { loadMatrix } from './load-tensor.js';
import { Norm } from './norm.js';

/** Positions of a text whose hidden states are kept for a block that predicts further tokens. */
export const HIDDEN_ROWS = 256;

/**
 * The beginning of a block that predicts further tokens: the embeddings of the tokens that come next, joined with the
 * hidden states before them. Hidden states are residual streams after the last layer, before the last norm.
 */
export class HiddenJoin {
  readonly #projection: ResidentMatrix;
  readonly #tokenNorm: Norm;
  readonly #hiddenNorm: Norm;
  /** What a hidden state of the model passes, and one of the block itself. */
  readonly #outputNorm: Norm;
  readonly #ownNorm: Norm | null;
  readonly #hiddenSize: number;
  /** [maxTokens, 2 * hiddenSize] */
  readonly #joined: Float32Array;
  /** [maxTokens, hiddenSize] */
  readonly #rows: Float32Array;

  /** Throws CORRUPT, NOT_FOUND, IO or BridgeError. */
  constructor({ spec, tensors, bridge, held }: SegmentLoad, { chained }: PredictionSpec, maxTokens: number) {
    const norm = (name: string) => {
      const weight = tensorNamed(tensors, name);
      checkOnDisk(weight, bridge);
      return new Norm(spec, { weight, bias: null });
    };
    this.#hiddenSize = spec.hiddenSize;
    this.#projection = held.keep(loadMatrix(bridge, tensorNamed(tensors, JOIN.projection)));
    this.#tokenNorm = norm(JOIN.tokenNorm);
    this.#hiddenNorm = norm(JOIN.hiddenNorm);
    this.#outputNorm = norm(JOIN.outputNorm);
    this.#ownNorm = chained === 'normed' ? norm(FINAL_NORM) : null;
    this.#joined = new Float32Array(2 * maxTokens * spec.hiddenSize);
    this.#rows = new Float32Array(maxTokens * spec.hiddenSize);
  }

  get residentBytes(): number {
    const norms = [this.#tokenNorm, this.#hiddenNorm, this.#outputNorm, this.#ownNorm];
    return norms.reduce((sum, norm) => sum + (norm?.bytes ?? 0), this.#projection.bytes);
  }

  /**
   * x[tokens, hiddenSize], the embeddings of tokens, becomes the block's input. `hidden`[tokens, hiddenSize] are the
   * hidden states at the positions before them: the model's, or where `isOwn` the block's.
   */
  run(hidden: Float32Array, isOwn: boolean, x: Float32Array, tokens: number): void {
    const size = this.#hiddenSize;
    const rows = this.#rows;
    const norm = isOwn ? this.#ownNorm : this.#outputNorm;
    if (norm) norm.apply(hidden, tokens, rows);
    else rows.set(hidden.subarray(0, tokens * size));
    this.#hiddenNorm.apply(rows, tokens, rows);
    this.#tokenNorm.apply(x, tokens, x);
    for (let token = 0; token < tokens; token++)
      for (let i = 0; i < size; i++) {
        this.#joined[2 * token * size + i] = x[token * size + i];
        this.#joined[(2 * token + 1) * size + i] = rows[token * size + i];
      }
    this.#projection.matmul(this.#joined, tokens, x);
  }
}

/** Bytes of the buffers of a join, of its hidden states, and of those that are kept of a text. */
export const joinScratchBytes = ({ hiddenSize }: Pick<ModelSpec, 'hiddenSize'>, maxTokens: number): number =>
  4 * hiddenSize * (4 * maxTokens + HIDDEN_ROWS);
