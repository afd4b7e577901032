import { decoder } from '../decoder.js';
import { expertsApart } from '../expert-sources.js';

/** MiniMax M2: norms over all queries and all keys, half of each head rotates, sigmoid routing with a bias. */
export const minimaxM2 = decoder({
  architecture: 'minimax-m2',
  huggingFaceClasses: ['MiniMaxM2ForCausalLM'],
  ggufName: 'minimax-m2',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'all',
  experts: {
    numExpertsKey: 'num_local_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: true,
    scoring: 'sigmoid',
    selectionBias: true,
    sharedExpert: false,
    renamed: {
      router: 'block_sparse_moe.gate.weight',
      selectionBias: 'block_sparse_moe.e_score_correction_bias',
    },
    source: () =>
      expertsApart(
        (layer, tensor, expert) =>
          `model.layers.${layer}.block_sparse_moe.experts.${expert}.${{ gate: 'w1', up: 'w3', down: 'w2' }[tensor]}.weight`,
      ),
  },
});
