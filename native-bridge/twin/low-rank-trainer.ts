import { ADAM, type LowRankKernel } from '../low-rank-trainer.js';

/** One step as it is written in a textbook: forward, gradients, Adam. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a textbook's step is read in one piece.
export const trainLowRank: LowRankKernel = (state, x, active, samples) => {
  const { hiddenSize, numNeurons, rank, a, b, bias, positiveWeight, negativeWeight, learningRate, step } = state;
  const bytes = Math.ceil(numNeurons / 8);
  const codes = new Float32Array(samples * rank);
  for (let s = 0; s < samples; s++)
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let c = 0; c < hiddenSize; c++) sum += a[r * hiddenSize + c] * x[s * hiddenSize + c];
      codes[s * rank + r] = sum;
    }
  const gradA = new Float32Array(rank * hiddenSize);
  const gradB = new Float32Array(numNeurons * rank);
  const gradBias = new Float32Array(numNeurons);
  const gradCodes = new Float32Array(samples * rank);
  let loss = 0;
  for (let n = 0; n < numNeurons; n++)
    for (let s = 0; s < samples; s++) {
      let score = bias[n];
      for (let r = 0; r < rank; r++) score += b[n * rank + r] * codes[s * rank + r];
      const label = (active[s * bytes + (n >> 3)] >> (n & 7)) & 1;
      const weight = (label === 1 ? positiveWeight : negativeWeight) / (samples * numNeurons);
      const signed = label === 1 ? score : -score;
      loss += weight * (Math.max(0, -signed) + Math.log1p(Math.exp(-Math.abs(signed))));
      const slope = weight * (1 / (1 + Math.exp(-score)) - label);
      gradBias[n] += slope;
      for (let r = 0; r < rank; r++) {
        gradB[n * rank + r] += slope * codes[s * rank + r];
        gradCodes[s * rank + r] += slope * b[n * rank + r];
      }
    }
  for (let s = 0; s < samples; s++)
    for (let r = 0; r < rank; r++)
      for (let c = 0; c < hiddenSize; c++) gradA[r * hiddenSize + c] += gradCodes[s * rank + r] * x[s * hiddenSize + c];
  adam(a, gradA, learningRate, step);
  adam(b, gradB, learningRate, step);
  adam(bias, gradBias, learningRate, step);
  return loss;
};

/** values[3, size]: the values, their first and their second moments. */
function adam(values: Float32Array, gradient: Float32Array, learningRate: number, step: number): void {
  const size = gradient.length;
  const { beta1, beta2, epsilon } = ADAM;
  for (let i = 0; i < size; i++) {
    const g = gradient[i];
    const first = beta1 * values[size + i] + (1 - beta1) * g;
    const second = beta2 * values[2 * size + i] + (1 - beta2) * g * g;
    values[size + i] = first;
    values[2 * size + i] = second;
    values[i] -= (learningRate * first) / (1 - beta1 ** step) / (Math.sqrt(second / (1 - beta2 ** step)) + epsilon);
  }
}
