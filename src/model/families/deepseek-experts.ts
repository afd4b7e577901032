import { namedApart } from '../expert-sources.js';
import type { ExpertsFamily } from '../experts.js';

/** How DeepSeek V2 and V3, and those who followed them, name and route their experts. */
export const DEEPSEEK_EXPERTS = {
  numExpertsKey: 'n_routed_experts',
  intermediateSizeKey: 'moe_intermediate_size',
  normalizeWeights: false,
  selectionBias: true,
  sharedExpert: true,
  sharedRouter: false,
  sharedCountKey: 'n_shared_experts',
  renamed: {
    sharedGate: 'mlp.shared_experts.gate_proj.weight',
    sharedUp: 'mlp.shared_experts.up_proj.weight',
    sharedDown: 'mlp.shared_experts.down_proj.weight',
  },
  source: () => namedApart,
} as const satisfies ExpertsFamily;
