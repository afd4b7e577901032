import { describe, expect, it } from 'vitest';
import { Fields } from '../../../dist/src/model/fields.js';
import { ggufGemma, huggingFaceGemma } from '../../../dist/src/model/traits/gemma.js';

const GEMMA_2 = { postNorms: true, softCaps: true, scaledByWidth: 46 };
const GEMMA_1 = { postNorms: false, softCaps: false, scaledByWidth: null };
/** Gemma 2 27B's: a query is scaled by 1/sqrt(4608 / 32), not by 1/sqrt(128). */
const HEADS = { hiddenSize: 4608, numAttentionHeads: 32, headDim: 128 };

const fromConfig = (traits: typeof GEMMA_2 | typeof GEMMA_1, config: object) =>
  huggingFaceGemma(traits, HEADS, Fields.of('config.json', config));
const fromGguf = (traits: typeof GEMMA_2 | typeof GEMMA_1, metadata: object) =>
  ggufGemma(traits, HEADS, Fields.of('m.gguf', metadata), (suffix) => `g.${suffix}`);

describe("Gemma's traits", () => {
  it('scale embeddings by the root of the width, and keep norms less one in Hugging Face folders alone', () => {
    expect(fromConfig(GEMMA_1, {})).toEqual({
      postNorms: false,
      embeddingScale: Math.sqrt(4608),
      normOffset: 1,
      queryScale: 1,
      attentionSoftCap: null,
      logitSoftCap: null,
    });
    expect(fromGguf(GEMMA_1, { 'g.block_count': 28 })).toEqual({
      postNorms: false,
      embeddingScale: Math.sqrt(4608),
      normOffset: 0,
      queryScale: 1,
      attentionSoftCap: null,
      logitSoftCap: null,
    });
  });

  it('scale the queries of the 27B by the width over the heads, in a file that says so and in one that cannot', () => {
    // 1/sqrt(144) = queryScale/sqrt(128)
    const scale = Math.sqrt(128) / 12;
    expect(fromConfig(GEMMA_2, { query_pre_attn_scalar: 144 }).queryScale).toBeCloseTo(scale, 12);
    expect(fromGguf(GEMMA_2, { 'g.block_count': 46 }).queryScale).toBeCloseTo(scale, 12);
    expect(fromGguf(GEMMA_2, { 'g.block_count': 42 }).queryScale).toBe(1);
  });

  it('cap logits at 50 and 30 unless the file says otherwise', () => {
    expect(fromConfig(GEMMA_2, {})).toMatchObject({ attentionSoftCap: 50, logitSoftCap: 30 });
    const named = { attn_logit_softcapping: 20, final_logit_softcapping: 10 };
    expect(fromConfig(GEMMA_2, named)).toMatchObject({ attentionSoftCap: 20, logitSoftCap: 10 });
    expect(
      fromGguf(GEMMA_2, { 'g.block_count': 2, 'g.attn_logit_softcapping': 20, 'g.final_logit_softcapping': 10 }),
    ).toMatchObject({ attentionSoftCap: 20, logitSoftCap: 10 });
    // Those of another generation are not capped, whatever stands there.
    expect(fromConfig(GEMMA_1, named)).toMatchObject({ attentionSoftCap: null, logitSoftCap: null });
  });

  it('are CORRUPT with a cap that is no number above 0', () => {
    expect(() => fromConfig(GEMMA_2, { attn_logit_softcapping: 0 })).toThrow(
      expect.objectContaining({ code: 'CORRUPT', message: expect.stringContaining('attn_logit_softcapping') }),
    );
  });
});
