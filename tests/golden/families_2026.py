"""Reference numbers for the models of 2025 and 2026, from transformers (PyPI) on PyTorch in float64, of small models with made-up weights.

Usage: python3 families_2026.py > families-2026.json

Weights come from a linear congruential generator, so that a test can make the same checkpoint: tensor i of a model (in the order of `tensors`)
starts at state i + 1; each weight is (state >> 8) / 2^24 - 0.5 of the next state, times `scale`, plus `shift`, rounded to float32.
Each tensor is [name, shape, scale, shift]; with `*` in its name it is cut along its first axis into as many, numbered. transformers itself writes names
and shapes, as published folders have them, and loads the folder. `integers`: tensors of 64-bit integers, as transformers makes them.
`rows`: after some tokens of `ids` the likeliest next tokens, each with the natural logarithm of its probability.
"""
import json
import os
import re
import sys
import tempfile

import numpy as np
import torch
import transformers as t
from safetensors import safe_open
from safetensors.torch import save_file

VOCAB, HIDDEN, TOKENS, BEST = 96, 64, 600, 8


def weights(index, shape, scale, shift):
    state, values = index + 1, np.empty(int(np.prod(shape)))
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = ((state >> 8) / 2**24 - 0.5) * scale + shift
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


ROUTERS = ('router.proj.weight', 'mlp.gate.weight', 'feed_forward.gate.weight', 'mixer.gate.weight', 'router.layer.weight', 'moe.gate.weight')


def scale_of(name, shape, minus_one):
    """Scale and shift: norms and factors around 1 (or stored minus one), biases around 0, matrices so that outputs are of size 1."""
    if minus_one and 'norm' in name and 'linear_attn' not in name:
        return (0.4, -0.1)
    if name.endswith(('layer_scalar', 'per_expert_scale', 'router.scale', '.D')) or 'norm' in name:
        return (0.4, 0.9)
    if name.endswith('A_log'):
        return (2.0, -1.0)
    if name.endswith('bias'):
        return (0.6, 0.0)
    if 'embed_tokens.' in name or 'embeddings.' in name or name == 'lm_head.weight':
        return (1.5, 0.0)
    gain = 10 if name.endswith(ROUTERS) else 1
    return (round(3.4 * gain / shape[-1] ** 0.5, 4), 0.0)


IDS = []
state = 12345
for _ in range(TOKENS):
    state = (state * 1664525 + 1013904223) % 2**32
    IDS.append((state >> 8) % VOCAB)


def grouped(shapes, minus_one):
    """The tensors of all experts of a layer as one."""
    groups = {}
    for name, shape in shapes.items():
        groups.setdefault(re.sub(r'experts\.\d+\.', 'experts.*.', name), []).append(shape)
    return [[name, [len(group), *group[0]] if '*' in name else group[0], *scale_of(name, group[0], minus_one)] for name, group in groups.items()]


def made(tensors):
    state = {}
    for i, (name, *rest) in enumerate(tensors):
        values = weights(i, *rest)
        state.update({name.replace('*', str(e)): part.clone() for e, part in enumerate(values)} if '*' in name else {name: values})
    return state


def whole_numbers(path):
    with safe_open(path, 'pt') as file:
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys()) if file.get_slice(name).get_dtype() == 'I64'}
    return tensors


def golden(kind, config):
    with tempfile.TemporaryDirectory() as folder:
        kind(config).to(torch.float32).save_pretrained(folder)
        with open(os.path.join(folder, 'config.json')) as file:
            written = json.load(file)
        path = os.path.join(folder, 'model.safetensors')
        with safe_open(path, 'pt') as file:
            shapes = {name: list(file.get_slice(name).get_shape()) for name in sorted(file.keys()) if file.get_slice(name).get_dtype() != 'I64'}
        integers = whole_numbers(path)
        tensors = grouped(shapes, kind.__name__.startswith(('Qwen3_5', 'Qwen3Next', 'Qwen4Exp')))
        save_file({**made(tensors), **integers}, path, metadata=dict(format='pt'))
        model, info = kind.from_pretrained(
            folder, dtype=torch.float64, attn_implementation='eager', experts_implementation='eager', output_loading_info=True)
        assert not any(info[key] for key in ('missing_keys', 'unexpected_keys', 'mismatched_keys')), info
    with torch.no_grad():
        lnp = torch.log_softmax(model.eval()(torch.tensor([IDS])).logits[0].double(), -1)
    rows = {}
    for at in sorted({*range(0, TOKENS, 23), TOKENS - 1}):
        best = torch.topk(lnp[at], BEST)
        rows[at] = [[int(i), round(float(v), 5)] for v, i in zip(best.values, best.indices)]
    print(config.model_type, f'mean entropy {float(-(lnp.exp() * lnp).sum(-1).mean()):.2f}', file=sys.stderr)
    kept = {key: value for key, value in written.items() if key not in ('id2label', 'label2id')}
    whole = {name: [str(value) for value in tensor.tolist()] for name, tensor in integers.items()}
    return dict(config=kept, tensors=tensors, rows=rows, **(dict(integers=whole) if whole else {}))


USUAL = dict(
    vocab_size=VOCAB, hidden_size=HIDDEN, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024, pad_token_id=None, bos_token_id=1,
    eos_token_id=2,
)
GEMMA = dict(
    USUAL, vocab_size_per_layer_input=VOCAB, intermediate_size=96, num_hidden_layers=6, head_dim=16, global_head_dim=32, sliding_window=24,
    final_logit_softcapping=8.0, layer_types=['sliding_attention', 'sliding_attention', 'full_attention'] * 2,
)
LFM2 = dict(USUAL, num_hidden_layers=4, layer_types=['conv', 'full_attention', 'conv', 'full_attention'], tie_word_embeddings=True)
DELTA = dict(
    USUAL, head_dim=32, num_hidden_layers=4, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=16, linear_value_head_dim=16,
    linear_conv_kernel_dim=4, tie_word_embeddings=False,
)
DELTA_EXPERTS = dict(num_experts=8, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=32)
LATENT = dict(
    USUAL, num_key_value_heads=4, intermediate_size=96, moe_intermediate_size=32, num_hidden_layers=3, kv_lora_rank=24, qk_nope_head_dim=16,
    qk_rope_head_dim=8, v_head_dim=12, n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=2, first_k_dense_replace=1, routed_scaling_factor=1.5,
    tie_word_embeddings=False,
)
YARN = dict(rope_type='yarn', rope_theta=10000.0, factor=4.0, original_max_position_embeddings=256, beta_fast=32, beta_slow=1)
GRANITE = dict(
    USUAL, num_hidden_layers=4, layer_types=['linear_attention', 'full_attention', 'linear_attention', 'full_attention'], mamba_n_heads=8,
    mamba_d_head=16, mamba_n_groups=1, mamba_d_state=16, mamba_d_conv=4, mamba_expand=2, embedding_multiplier=1.5, residual_multiplier=0.6,
    attention_multiplier=0.3, logits_scaling=4.0, shared_intermediate_size=48, tie_word_embeddings=True,
)

MODELS = {
    'gemma4, experts': (t.Gemma4ForCausalLM, t.Gemma4TextConfig(
        **GEMMA, num_global_key_value_heads=1, attention_k_eq_v=True, hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=8,
        top_k_experts=2, moe_intermediate_size=32)),
    'gemma4, inputs of each layer': (t.Gemma4ForCausalLM, t.Gemma4TextConfig(
        **GEMMA, hidden_size_per_layer_input=16, num_kv_shared_layers=2, use_double_wide_mlp=True)),
    'glm4-moe': (t.Glm4MoeForCausalLM, t.Glm4MoeConfig(
        **USUAL, intermediate_size=96, moe_intermediate_size=32, num_hidden_layers=3, head_dim=16, n_routed_experts=8, num_experts_per_tok=2,
        n_shared_experts=1, first_k_dense_replace=1, n_group=4, topk_group=2, norm_topk_prob=True, routed_scaling_factor=1.5, use_qk_norm=True,
        attention_bias=True, tie_word_embeddings=False)),
    'lfm2': (t.Lfm2ForCausalLM, t.Lfm2Config(**LFM2, block_ff_dim=120, block_multiple_of=32, block_ffn_dim_multiplier=1.1)),
    'lfm2-moe': (t.Lfm2MoeForCausalLM, t.Lfm2MoeConfig(
        **LFM2, intermediate_size=96, moe_intermediate_size=32, num_dense_layers=1, num_experts=8, num_experts_per_tok=2, routed_scaling_factor=1.5)),
    'qwen3.5': (t.Qwen3_5ForCausalLM, t.Qwen3_5TextConfig(**DELTA, intermediate_size=96)),
    'qwen3.5-moe': (t.Qwen3_5MoeForCausalLM, t.Qwen3_5MoeTextConfig(**DELTA, **DELTA_EXPERTS)),
    'qwen3-next': (t.Qwen3NextForCausalLM, t.Qwen3NextConfig(**DELTA, **DELTA_EXPERTS)),
    **{name: (t.Qwen4ExpForCausalLM, t.Qwen4ExpTextConfig(
        **DELTA, **DELTA_EXPERTS, hc_count=4, hc_lowrank=24, ple_layer_ids=[2], ngram_size=3, heads_per_ngram=2, ngram_vocab_size_base=20,
        make_ngram_vocab_size_divisible_by=16, split_ngram_parts=parts, indexer_n_heads=8, indexer_kv_heads=1, indexer_head_dim=16, indexer_budget=64,
        indexer_compress_ratio=4, output_gate_type=gate,
        rope_parameters=dict(rope_type='default', rope_theta=1e5, partial_rotary_factor=0.25))) for name, parts, gate in [('qwen4-exp', 3, 'sigmoid'), ('qwen4-exp, one table', 1, 'silu')]},
    'deepseek-v2, no bottleneck': (t.DeepseekV2ForCausalLM, t.DeepseekV2Config(
        **LATENT, q_lora_rank=None, rope_parameters=dict(YARN, mscale=0.707, mscale_all_dim=0.707))),
    'deepseek-v2, groups': (t.DeepseekV2ForCausalLM, t.DeepseekV2Config(
        **LATENT, q_lora_rank=20, topk_method='group_limited_greedy', n_group=4, topk_group=2)),
    'deepseek-v3': (t.DeepseekV3ForCausalLM, t.DeepseekV3Config(
        **LATENT, q_lora_rank=20, n_group=4, topk_group=2, num_mtp_layers=0, rope_parameters=dict(YARN, mscale=1.0, mscale_all_dim=0.5))),
    'glm-4.7-flash': (t.Glm4MoeLiteForCausalLM, t.Glm4MoeLiteConfig(**LATENT, q_lora_rank=20, rms_norm_eps=1e-3)),
    'mistral4': (t.Mistral4ForCausalLM, t.Mistral4Config(
        **LATENT, q_lora_rank=20, rope_parameters=dict(YARN, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1))),
    **{name: (t.NemotronHForCausalLM, t.NemotronHConfig(
        **USUAL, **more, head_dim=16, hybrid_override_pattern='MEM*EME*E', mamba_num_heads=8, mamba_head_dim=16, n_groups=2, ssm_state_size=16, conv_kernel=4,
        n_routed_experts=8, num_experts_per_tok=2, moe_intermediate_size=32, moe_shared_expert_intermediate_size=48, n_group=1, topk_group=1,
        routed_scaling_factor=1.5)) for name, more in [('nemotron-h', {}), ('nemotron-h, latent experts', dict(moe_latent_size=48))]},
    'nemotron-h, ordinary networks': (t.NemotronHForCausalLM, t.NemotronHConfig(
        **USUAL, intermediate_size=96, head_dim=16, hybrid_override_pattern='M-M*-M-*-', mamba_num_heads=8, mamba_head_dim=16, n_groups=2,
        ssm_state_size=16, conv_kernel=4)),
    'granite-hybrid, experts': (t.GraniteMoeHybridForCausalLM, t.GraniteMoeHybridConfig(
        **GRANITE, intermediate_size=32, num_local_experts=8, num_experts_per_tok=2)),
    'granite-hybrid': (t.GraniteMoeHybridForCausalLM, t.GraniteMoeHybridConfig(**GRANITE, num_local_experts=0, position_embedding_type='rope')),
    'minimax-m2': (t.MiniMaxM2ForCausalLM, t.MiniMaxM2Config(
        **USUAL, intermediate_size=32, num_hidden_layers=3, head_dim=32, num_local_experts=8, num_experts_per_tok=2, rotary_dim=16,
        tie_word_embeddings=False)),
    'ernie4.5-moe': (t.Ernie4_5_MoeForCausalLM, t.Ernie4_5_MoeConfig(
        **USUAL, intermediate_size=96, moe_intermediate_size=32, num_hidden_layers=3, moe_num_experts=8, moe_k=2, moe_num_shared_experts=2,
        moe_layer_start_index=1, moe_layer_end_index=-1, tie_word_embeddings=False)),
    'ministral3': (t.Ministral3ForCausalLM, t.Ministral3Config(
        **USUAL, intermediate_size=96, num_hidden_layers=3, head_dim=16, sliding_window=None, tie_word_embeddings=False,
        rope_parameters=dict(YARN, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1))),
    'smollm3': (t.SmolLM3ForCausalLM, t.SmolLM3Config(**USUAL, intermediate_size=96, num_hidden_layers=8)),
}

if __name__ == '__main__':
    wanted = sys.argv[1:] or MODELS
    models = {name: golden(*MODELS[name]) for name in wanted}
    print(json.dumps(dict(versions=dict(transformers=t.__version__, torch=torch.__version__), ids=IDS, models=models), separators=(',', ':')))
