import { decoder } from '../decoder.js';
import { expertsApart } from '../expert-sources.js';

/** Mixtral (arXiv 2401.04088): Mistral with experts. GGUF files name it llama. */
export const mixtral = decoder({
  architecture: 'mixtral',
  huggingFaceClasses: ['MixtralForCausalLM'],
  ggufName: 'llama',
  ggufRotary: 'interleaved',
  slidingWindow: 'always',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: {
    numExpertsKey: 'num_local_experts',
    intermediateSizeKey: 'intermediate_size',
    normalizeWeights: true,
    sharedExpert: false,
    renamed: { router: 'block_sparse_moe.gate.weight' },
    source: () =>
      expertsApart(
        (layer, tensor, expert) =>
          `model.layers.${layer}.block_sparse_moe.experts.${expert}.${{ gate: 'w1', up: 'w3', down: 'w2' }[tensor]}.weight`,
      ),
  },
});
