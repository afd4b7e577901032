import { decoder } from '../decoder.js';

/**
 * Phi-3 and Phi-4 (arXiv 2404.14219): Llama with one matrix for queries, keys and values, and one for gate and up. With
 * longrope (arXiv 2402.13753) the context ends where the short factors end.
 */
export const phi3 = decoder({
  architecture: 'phi3',
  huggingFaceClasses: ['Phi3ForCausalLM'],
  huggingFace: {
    renamed: {
      q: 'self_attn.qkv_proj.weight',
      k: 'self_attn.qkv_proj.weight',
      v: 'self_attn.qkv_proj.weight',
      gate: 'mlp.gate_up_proj.weight',
      up: 'mlp.gate_up_proj.weight',
    },
  },
  ggufName: 'phi3',
  ggufRotary: 'halves',
  ggufRenamed: { q: 'attn_qkv.weight', k: 'attn_qkv.weight', v: 'attn_qkv.weight', gate: 'ffn_up.weight' },
  fused: true,
  slidingWindow: 'always',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: null,
});
