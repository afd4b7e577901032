import type { Fields } from '../fields.js';
import type { ModelSpec } from '../spec.js';

/** The differences between Gemmas. The functions below hold their common traits. */
export interface GemmaTraits {
  postNorms: boolean;
  /** True where the logits of attention and of the head are capped. Default caps: 50 and 30 (arXiv 2408.00118). */
  softCaps: boolean;
  /**
   * The number of layers of the one size that scales queries by hiddenSize / heads, not by headDim; null where no size
   * does. GGUF files do not state it.
   */
  scaledByWidth: number | null;
}

type Heads = Pick<ModelSpec, 'hiddenSize' | 'numAttentionHeads' | 'headDim'>;
type GemmaFields = Pick<
  ModelSpec,
  'normOffset' | 'postNorms' | 'embeddingScale' | 'queryScale' | 'attentionSoftCap' | 'logitSoftCap'
>;

const shared = ({ postNorms }: GemmaTraits, { hiddenSize }: Heads) => ({
  postNorms,
  embeddingScale: Math.sqrt(hiddenSize),
});

/** From config.json. These checkpoints store norm weights minus one. Throws CORRUPT. */
export function huggingFaceGemma(traits: GemmaTraits, heads: Heads, config: Fields): GemmaFields {
  const cap = (key: string, usual: number) => {
    if (!traits.softCaps || config.raw(key) === null) return null;
    return config.positive(key, usual);
  };
  return {
    ...shared(traits, heads),
    normOffset: 1,
    queryScale: Math.sqrt(heads.headDim / config.positive('query_pre_attn_scalar', heads.headDim)),
    attentionSoftCap: cap('attn_logit_softcapping', 50),
    logitSoftCap: cap('final_logit_softcapping', 30),
  };
}

/** From GGUF metadata. These files store norm weights as they are used. Throws CORRUPT. */
export function ggufGemma(
  traits: GemmaTraits,
  heads: Heads,
  metadata: Fields,
  key: (suffix: string) => string,
): GemmaFields {
  const { hiddenSize, numAttentionHeads, headDim } = heads;
  const byWidth = metadata.size(key('block_count')) === traits.scaledByWidth;
  return {
    ...shared(traits, heads),
    normOffset: 0,
    queryScale: byWidth ? Math.sqrt(headDim / (hiddenSize / numAttentionHeads)) : 1,
    attentionSoftCap: traits.softCaps ? metadata.positive(key('attn_logit_softcapping'), 50) : null,
    logitSoftCap: traits.softCaps ? metadata.positive(key('final_logit_softcapping'), 30) : null,
  };
}
