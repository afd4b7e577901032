import { shown } from '../errors.js';
import type { ExpertSource } from './expert-sources.js';
import type { Fields } from './fields.js';
import type { ExpertsSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** How the checkpoints of a family of mixtures of experts describe the experts. */
export interface ExpertsFamily {
  /** Keys of config.json. */
  numExpertsKey: string;
  intermediateSizeKey: string;
  /** True where weights are scaled to sum to 1. `norm_topk_prob` overrides it; GGUF files have no such key. */
  normalizeWeights: boolean;
  sharedExpert: boolean;
  /** Hugging Face names that differ from the usual. */
  renamed?: Partial<Record<LayerTensor, string>>;
  /** The place of the experts in a Hugging Face folder. `holds` says whether it has a tensor of that name. */
  source(holds: (sourceName: string) => boolean): ExpertSource;
}

/** The first files of gpt-oss have only the second one. */
const USED_KEYS = ['num_experts_per_tok', 'experts_per_token'];

/** More experts than any router chooses from. It bounds the list of tensors to look for. */
const MAX_EXPERTS = 65536;

/** From config.json. Throws CORRUPT or UNSUPPORTED. */
export function huggingFaceExperts(family: ExpertsFamily, config: Fields): ExpertsSpec {
  const step = config.raw('decoder_sparse_step');
  if (step !== undefined && step !== 1)
    throw config.unsupported('decoder_sparse_step', `is ${shown(step)}: layers without experts are not supported`);
  const dense = config.raw('mlp_only_layers');
  if (Array.isArray(dense) && dense.length > 0)
    throw config.unsupported('mlp_only_layers', `is ${shown(dense)}: layers without experts are not supported`);
  const usedKey = USED_KEYS.find((key) => config.raw(key) !== undefined) ?? USED_KEYS[0];
  return checked(config, [family.numExpertsKey, usedKey], {
    numExperts: config.size(family.numExpertsKey),
    numExpertsPerToken: config.size(usedKey),
    intermediateSize: config.size(family.intermediateSizeKey),
    normalizeWeights: config.flag('norm_topk_prob') ?? family.normalizeWeights,
    sharedIntermediateSize: family.sharedExpert ? config.size('shared_expert_intermediate_size') : 0,
  });
}

/**
 * `stack` is the shape of the first layer's gates, [numExperts, intermediateSize, hiddenSize]. Older files state the
 * size nowhere else. Throws CORRUPT or UNSUPPORTED.
 */
export function ggufExperts(
  family: ExpertsFamily,
  key: (suffix: string) => string,
  metadata: Fields,
  stack: readonly number[] | null,
): ExpertsSpec {
  if (stack?.length !== 3)
    throw metadata.corrupt(
      'blk.0.ffn_gate_exps.weight',
      stack
        ? `is of shape ${shown(stack)}; it should be a stack of matrices`
        : 'is missing; a mixture of experts has one in every layer',
    );
  const leading = metadata.raw(key('leading_dense_block_count'));
  if (leading !== undefined && leading !== 0)
    throw metadata.unsupported(
      key('leading_dense_block_count'),
      `is ${shown(leading)}: layers without experts are not supported`,
    );
  return checked(metadata, [key('expert_count'), key('expert_used_count')], {
    numExperts: metadata.size(key('expert_count')),
    numExpertsPerToken: metadata.size(key('expert_used_count')),
    intermediateSize: metadata.size(key('expert_feed_forward_length'), stack[1]),
    normalizeWeights: family.normalizeWeights,
    sharedIntermediateSize: family.sharedExpert ? metadata.size(key('expert_shared_feed_forward_length')) : 0,
  });
}

function checked(fields: Fields, [countKey, usedKey]: [string, string], experts: ExpertsSpec): ExpertsSpec {
  const { numExperts, numExpertsPerToken } = experts;
  if (numExperts > MAX_EXPERTS) throw fields.corrupt(countKey, `is ${numExperts}; no router chooses from so many`);
  if (numExpertsPerToken > numExperts)
    throw fields.corrupt(usedKey, `is ${numExpertsPerToken}, but there are ${numExperts} experts`);
  return experts;
}
