import { shown } from '../errors.js';
import type { SourceTensors } from './architecture.js';
import { checkedExperts, groupsOf } from './check-experts.js';
import type { ExpertSource } from './expert-sources.js';
import type { Fields } from './fields.js';
import type { ExpertsSpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** How the checkpoints of a family of mixtures of experts describe the experts. */
export interface ExpertsFamily {
  /** Keys of config.json. */
  numExpertsKey: string;
  intermediateSizeKey: string;
  /** The key of the number of layers before the first with experts. Default `first_k_dense_replace`. */
  leadingKey?: string;
  /**
   * True where weights are scaled to sum to 1. `norm_topk_prob` overrides it, or `expert_weights_norm` in GGUF files.
   */
  normalizeWeights: boolean;
  /** Default `softmax`. `expert_gating_func` of GGUF files overrides it. */
  scoring?: ExpertsSpec['scoring'];
  /** True where checkpoints may have a bias for the choice of experts. Default false. */
  selectionBias?: boolean;
  /** The factor for weights where no key has it. Default 1. */
  weightScale?: number;
  sharedExpert: boolean;
  /** False where the shared expert has no router, and weighs 1. Default true. */
  sharedRouter?: boolean;
  /**
   * The key of config.json with the number of shared experts, which are one network of as many times an expert's size.
   * Default: `shared_expert_intermediate_size` is that network's size.
   */
  sharedCountKey?: string;
  /** Traits that no checkpoint changes. Default: none of them. */
  traits?: Partial<Pick<ExpertsSpec, 'routerInput' | 'outputScales' | 'branchNorms'>>;
  /** Hugging Face names that differ from the usual. */
  renamed?: Partial<Record<LayerTensor, string>>;
  /** The place of the experts in a Hugging Face folder. `holds` says whether it has a tensor of that name. */
  source(holds: (sourceName: string) => boolean): ExpertSource;
}

/** The first files of gpt-oss have only the second one, ERNIE and Gemma 4 the others. */
const USED_KEYS = ['num_experts_per_tok', 'experts_per_token', 'moe_k', 'top_k_experts'];

/** llama.cpp, llama_expert_gating_func_type. A softmax over the chosen is one over all that is scaled to sum to 1. */
const GATING: readonly ExpertsSpec['scoring'][] = ['softmax', 'softmax', 'sigmoid', 'softmax', 'sqrt-softplus'];
const OVER_CHOSEN = 3;

const familyExperts = ({ sharedRouter = true, traits }: ExpertsFamily) => ({
  routerInput: 'network' as const,
  outputScales: false,
  branchNorms: false,
  sharedRouter,
  ...traits,
});

/** From config.json. `biased`: whether the folder has a bias for the choice. Throws CORRUPT or UNSUPPORTED. */
export function huggingFaceExperts(
  family: ExpertsFamily,
  config: Fields,
  numLayers: number,
  biased: (firstLayer: number) => boolean,
): ExpertsSpec {
  for (const key of ['decoder_sparse_step', 'moe_layer_interval', 'moe_layer_freq']) {
    const step = config.raw(key);
    if (step !== undefined && step !== 1)
      throw config.unsupported(key, `is ${shown(step)}: layers without experts among others are not supported`);
  }
  const dense = config.raw('mlp_only_layers');
  if (Array.isArray(dense) && dense.length > 0)
    throw config.unsupported('mlp_only_layers', `is ${shown(dense)}: layers without experts are not supported`);
  const usedKey = USED_KEYS.find((key) => config.raw(key) !== undefined) ?? USED_KEYS[0];
  const leadingDenseLayers = config.count(family.leadingKey ?? 'first_k_dense_replace', numLayers - 1);
  const numExperts = config.size(family.numExpertsKey);
  const intermediateSize = config.size(family.intermediateSizeKey);
  return checkedExperts(config, [family.numExpertsKey, usedKey], {
    ...familyExperts(family),
    numExperts,
    numExpertsPerToken: config.size(usedKey),
    intermediateSize,
    leadingDenseLayers,
    scoring: family.scoring ?? 'softmax',
    selectionBias: family.selectionBias === true && biased(leadingDenseLayers),
    groups: groupsOf(config, ['n_group', 'topk_group'], numExperts),
    normalizeWeights: config.flag('norm_topk_prob') ?? family.normalizeWeights,
    weightScale: config.positive('routed_scaling_factor', family.weightScale ?? 1),
    sharedIntermediateSize: huggingFaceShared(family, config, intermediateSize),
  });
}

function huggingFaceShared({ sharedExpert, sharedCountKey }: ExpertsFamily, config: Fields, size: number): number {
  if (!sharedExpert) return 0;
  if (sharedCountKey === undefined) return config.size('shared_expert_intermediate_size');
  return config.count(sharedCountKey, MAX_SHARED) * size;
}

const MAX_SHARED = 1024;

/** What a GGUF file's metadata may leave open: names and shapes of the first layer that has experts. */
export interface GgufExpertTensors {
  down: string;
  /** [numExperts, hiddenSize, intermediateSize]; null where it is missing. */
  downShape: readonly number[] | null;
  selectionBias: string;
  sharedUp: string;
}

/** The number of layers before the first with experts. Throws CORRUPT. */
export const ggufLeadingLayers = (key: (suffix: string) => string, metadata: Fields, numLayers: number): number =>
  metadata.count(key('leading_dense_block_count'), numLayers - 1);

/** From GGUF metadata. Throws CORRUPT or UNSUPPORTED. */
export function ggufExperts(
  family: ExpertsFamily,
  key: (suffix: string) => string,
  metadata: Fields,
  leadingDenseLayers: number,
  tensors: SourceTensors,
  names: GgufExpertTensors,
): ExpertsSpec {
  const step = metadata.raw(key('interleave_moe_layer_step'));
  if (step !== undefined && step !== 1)
    throw metadata.unsupported(
      key('interleave_moe_layer_step'),
      `is ${shown(step)}: layers without experts among others are not supported`,
    );
  const numExperts = metadata.size(key('expert_count'));
  const intermediateSize = metadata.size(key('expert_feed_forward_length'), expertNeurons(metadata, names));
  const gating = metadata.count(key('expert_gating_func'), GATING.length - 1);
  const scale = metadata.raw(key('expert_weights_scale'));
  return checkedExperts(metadata, [key('expert_count'), key('expert_used_count')], {
    ...familyExperts(family),
    numExperts,
    numExpertsPerToken: metadata.size(key('expert_used_count')),
    intermediateSize,
    leadingDenseLayers,
    scoring: gating === 0 ? (family.scoring ?? 'softmax') : GATING[gating],
    selectionBias: family.selectionBias === true && tensors.shape(names.selectionBias) !== null,
    groups: groupsOf(metadata, [key('expert_group_count'), key('expert_group_used_count')], numExperts),
    normalizeWeights: gating === OVER_CHOSEN || (metadata.flag(key('expert_weights_norm')) ?? family.normalizeWeights),
    // Writers put 0 for "not scaled".
    weightScale: scale === 0 ? 1 : metadata.positive(key('expert_weights_scale'), family.weightScale ?? 1),
    sharedIntermediateSize: ggufShared(family, key, metadata, tensors.shape(names.sharedUp)),
  });
}

/** The shared expert's size. The tensor says it best: writers do not agree on the keys. */
function ggufShared(
  { sharedExpert, sharedRouter = true }: ExpertsFamily,
  key: (suffix: string) => string,
  metadata: Fields,
  up: readonly number[] | null,
): number {
  if (!sharedExpert) return 0;
  if (up?.length === 2) return up[0];
  return sharedRouter ? metadata.size(key('expert_shared_feed_forward_length')) : 0;
}

/** Older files state an expert's size nowhere but in the shapes of its tensors. */
function expertNeurons(metadata: Fields, { down, downShape: stack }: GgufExpertTensors): number {
  if (stack?.length !== 3)
    throw metadata.corrupt(
      down,
      stack
        ? `is of shape ${shown(stack)}; it should be a stack of matrices`
        : 'is missing; a mixture of experts has one in every layer with experts',
    );
  return stack[2];
}
