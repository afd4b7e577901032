import { logSumExp } from '../engine/score.js';

/** How far next-token distributions of one model are from those of another. */
export class Divergence {
  private rows = 0;
  private agreed = 0;
  private kl = 0;

  /** Logits of the same token, [vocabSize] each; p is the reference. */
  add(p: Float32Array, q: Float32Array): void {
    const ofP = logSumExp(p);
    const ofQ = logSumExp(q);
    let bestP = 0;
    let bestQ = 0;
    let kl = 0;
    for (let i = 0; i < p.length; i++) {
      if (p[i] > p[bestP]) bestP = i;
      if (q[i] > q[bestQ]) bestQ = i;
      const lnP = p[i] - ofP;
      kl += Math.exp(lnP) * (lnP - (q[i] - ofQ));
    }
    this.rows += 1;
    this.agreed += bestP === bestQ ? 1 : 0;
    this.kl += kl;
  }

  /** Share of tokens for which both find the same next one likeliest. */
  get topOneAgreement(): number {
    return this.agreed / this.rows;
  }

  /** Mean Kullback-Leibler divergence of the reference from the other, nats. */
  get meanKl(): number {
    return this.kl / this.rows;
  }
}
