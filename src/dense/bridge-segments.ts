import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ModelSpec } from '../model/spec.js';
import { loadMatrix } from './load-tensor.js';
import { Norm } from './norm.js';
import type { AttentionInput, AttentionOutput, Head, InputTensors, LastTensors, OutputTensors } from './segments.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { addBias } from './vectors.js';

/*
 * The three segments on the bridge's kernels. The bridge multiplies by weights in the file's own format; norms and sums
 * are done here. `scratch` is [maxTokens, hiddenSize]; all segments share it, as only one runs at a time.
 */

/** Norm, then the projections to queries, keys and values. */
export function bridgeAttentionInput(
  spec: ModelSpec,
  tensors: InputTensors,
  bridge: Bridge,
  scratch: Float32Array,
): AttentionInput {
  const norm = new Norm(spec, tensors.norm);
  const [q, k, v] = loadMatrices(bridge, [tensors.q, tensors.k, tensors.v]);
  return {
    residentBytes: norm.bytes + q.bytes + k.bytes + v.bytes,
    run(x, tokens, qOut, kOut, vOut) {
      norm.apply(x, tokens, scratch);
      q.matmul(scratch, tokens, qOut);
      k.matmul(scratch, tokens, kOut);
      v.matmul(scratch, tokens, vOut);
    },
    dispose() {
      for (const matrix of [q, k, v]) matrix.dispose();
    },
  };
}

/** The output projection, the residual sum, and the norm before the feed-forward network. */
export function bridgeAttentionOutput(
  spec: ModelSpec,
  tensors: OutputTensors,
  bridge: Bridge,
  scratch: Float32Array,
): AttentionOutput {
  const norm = new Norm(spec, tensors.norm);
  const bias = tensors.oBias && readVector(tensors.oBias);
  const postNorm = tensors.postNorm && new Norm(spec, tensors.postNorm);
  const [o] = loadMatrices(bridge, [tensors.o]);
  return {
    residentBytes: norm.bytes + (postNorm?.bytes ?? 0) + (bias?.byteLength ?? 0) + o.bytes,
    run(attention, x, tokens, ffnInput) {
      o.matmul(attention, tokens, scratch);
      if (bias) addBias(scratch, tokens, bias);
      postNorm?.apply(scratch, tokens, scratch);
      if (spec.parallelNorm) norm.apply(x, tokens, ffnInput);
      for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += scratch[i];
      if (!spec.parallelNorm) norm.apply(x, tokens, ffnInput);
    },
    dispose: () => o.dispose(),
  };
}

/** The head. It shows its matrix [vocabSize, hiddenSize], because a tied one serves the embedding too. */
export function bridgeHead(
  spec: ModelSpec,
  tensors: LastTensors,
  bridge: Bridge,
  scratch: Float32Array,
): Head & { matrix: ResidentMatrix } {
  const norm = new Norm(spec, tensors.norm);
  const [matrix] = loadMatrices(bridge, [tensors.head]);
  return {
    matrix,
    residentBytes: norm.bytes + matrix.bytes,
    run(x, tokens, logits) {
      norm.apply(x, tokens, scratch);
      matrix.matmul(scratch, tokens, logits);
    },
    dispose: () => matrix.dispose(),
  };
}

/** Loads all matrices, or none: if one fails, those before it are let go. */
function loadMatrices(bridge: Bridge, tensors: TensorOnDisk[]): ResidentMatrix[] {
  const matrices: ResidentMatrix[] = [];
  try {
    for (const tensor of tensors) matrices.push(loadMatrix(bridge, tensor));
  } catch (error) {
    for (const matrix of matrices) matrix.dispose();
    throw error;
  }
  return matrices;
}
