import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ModelSpec } from '../model/spec.js';
import { loadMatrix } from './load-matrix.js';
import { rmsNorm } from './rms-norm.js';
import type { AttentionInput, AttentionOutput, Head } from './segments.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';

/*
 * The same three segments on the bridge's kernels: weights as the file has them, norms and sums here.
 * `scratch` is [maxTokens, hiddenSize] and shared by all of them, as only one runs at a time.
 */

export function bridgeAttentionInput(
  spec: ModelSpec,
  tensors: Record<'attentionNorm' | 'q' | 'k' | 'v', TensorOnDisk>,
  bridge: Bridge,
  scratch: Float32Array,
): AttentionInput {
  const weight = readVector(tensors.attentionNorm);
  const [q, k, v] = loadMatrices(bridge, [tensors.q, tensors.k, tensors.v]);
  return {
    residentBytes: weight.byteLength + q.bytes + k.bytes + v.bytes,
    run(x, tokens, qOut, kOut, vOut) {
      rmsNorm(x, tokens, weight, spec.normEpsilon, scratch);
      q.matmul(scratch, tokens, qOut);
      k.matmul(scratch, tokens, kOut);
      v.matmul(scratch, tokens, vOut);
    },
    dispose() {
      for (const matrix of [q, k, v]) matrix.dispose();
    },
  };
}

export function bridgeAttentionOutput(
  spec: ModelSpec,
  tensors: Record<'o' | 'ffnNorm', TensorOnDisk>,
  bridge: Bridge,
  scratch: Float32Array,
): AttentionOutput {
  const weight = readVector(tensors.ffnNorm);
  const [o] = loadMatrices(bridge, [tensors.o]);
  return {
    residentBytes: weight.byteLength + o.bytes,
    run(attention, x, tokens, ffnInput) {
      o.matmul(attention, tokens, scratch);
      for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += scratch[i];
      rmsNorm(x, tokens, weight, spec.normEpsilon, ffnInput);
    },
    dispose: () => o.dispose(),
  };
}

/** The matrix is handed out too: a tied one serves the embedding. */
export function bridgeHead(
  spec: ModelSpec,
  tensors: Record<'finalNorm' | 'head', TensorOnDisk>,
  bridge: Bridge,
  scratch: Float32Array,
): Head & { matrix: ResidentMatrix } {
  const weight = readVector(tensors.finalNorm);
  const [matrix] = loadMatrices(bridge, [tensors.head]);
  return {
    matrix,
    residentBytes: weight.byteLength + matrix.bytes,
    run(x, tokens, logits) {
      rmsNorm(x, tokens, weight, spec.normEpsilon, scratch);
      matrix.matmul(scratch, tokens, logits);
    },
    dispose: () => matrix.dispose(),
  };
}

/** All or none: what was loaded before a failure is let go. */
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
