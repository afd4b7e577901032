import { decoder } from '../decoder.js';
import { namedApart } from '../expert-sources.js';

/** The text models of ERNIE 4.5 with experts: softmax routing with a bias for the choice, shared experts. */
export const ernie45Moe = decoder({
  architecture: 'ernie4.5-moe',
  huggingFaceClasses: ['Ernie4_5_MoeForCausalLM'],
  huggingFace: { rotary: 'interleaved', shapes: { selectionBias: (length) => [1, length] } },
  ggufName: 'ernie4_5-moe',
  ggufRotary: 'interleaved',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: {
    numExpertsKey: 'moe_num_experts',
    intermediateSizeKey: 'moe_intermediate_size',
    leadingKey: 'moe_layer_start_index',
    normalizeWeights: true,
    selectionBias: true,
    sharedExpert: true,
    sharedRouter: false,
    sharedCountKey: 'moe_num_shared_experts',
    renamed: {
      selectionBias: 'mlp.moe_statics.e_score_correction_bias',
      sharedGate: 'mlp.shared_experts.gate_proj.weight',
      sharedUp: 'mlp.shared_experts.up_proj.weight',
      sharedDown: 'mlp.shared_experts.down_proj.weight',
    },
    source: () => namedApart,
  },
});
