import { closeSync, openSync } from 'node:fs';
import { readExactly } from '../disk/files.js';
import { writeFully } from '../disk/write-fully.js';
import { logSumExp } from '../engine/score.js';

/** Keeps the logits of a first run on disk, f32 [tokens, vocabSize], until a second run is compared with them. */
export class LogitFile {
  readonly #path: string;
  readonly #fd: number;
  #writtenBytes = 0;
  #readBytes = 0;
  readonly #row: Float32Array;

  /** Throws what the file system says. */
  constructor(path: string, vocabSize: number) {
    this.#path = path;
    this.#fd = openSync(path, 'w+');
    this.#row = new Float32Array(vocabSize);
  }

  /** Adds the logits[vocabSize] of one more token. */
  append(logits: Float32Array): void {
    const bytes = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
    writeFully(this.#fd, bytes, this.#writtenBytes);
    this.#writtenBytes += bytes.length;
  }

  /** The logits[vocabSize] of the next token, in the order of `append`. They are valid until the next call. */
  next(): Float32Array {
    const bytes = new Uint8Array(this.#row.buffer);
    readExactly({ path: this.#path, fd: this.#fd, size: this.#writtenBytes }, this.#readBytes, bytes);
    this.#readBytes += bytes.length;
    return this.#row;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Measures how far the next-token distributions of one run are from those of another. */
export class LogitDivergence {
  #tokens = 0;
  #agreed = 0;
  #kl = 0;

  /** Adds a token: its logits p[vocabSize] in the reference run and q[vocabSize] in the other. */
  add(p: Float32Array, q: Float32Array): void {
    const logSumP = logSumExp(p);
    const logSumQ = logSumExp(q);
    let bestP = 0;
    let bestQ = 0;
    let kl = 0;
    for (let i = 0; i < p.length; i++) {
      if (p[i] > p[bestP]) bestP = i;
      if (q[i] > q[bestQ]) bestQ = i;
      const lnP = p[i] - logSumP;
      kl += Math.exp(lnP) * (lnP - (q[i] - logSumQ));
    }
    this.#tokens += 1;
    this.#agreed += bestP === bestQ ? 1 : 0;
    this.#kl += kl;
  }

  /** The share of tokens for which both runs find the same next token likeliest. */
  get topOneAgreement(): number {
    return this.#agreed / this.#tokens;
  }

  /** The mean Kullback-Leibler divergence of the reference from the other run, in nats. */
  get meanKl(): number {
    return this.#kl / this.#tokens;
  }
}
