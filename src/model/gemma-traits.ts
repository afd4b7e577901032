import type { Fields } from './fields.js';
import type { ModelSpec } from './spec.js';

/** How Gemmas differ from one another; what they share is in the functions below. */
export interface GemmaTraits {
  postNorms: boolean;
  /** Whether attention's and the head's logits are capped: at 50 and 30 unless the configuration says otherwise (arXiv 2408.00118). */
  softCaps: boolean;
  /** Layers of the one size whose queries are scaled by hiddenSize / heads, not by their own length, which GGUF files do not tell; null where there is none. */
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

/** From config.json, whose checkpoints keep norms less one. Throws CORRUPT. */
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

/** From GGUF metadata, whose norms are whole. Throws CORRUPT. */
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
