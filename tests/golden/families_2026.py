"""Reference numbers for Gemma 4 and GLM 4.5, from transformers (PyPI) on PyTorch in float64, of small models with made-up weights.

Usage: python3 families_2026.py > families-2026.json

Weights come from a linear congruential generator, so that a test can make the same checkpoint: tensor i of a model (in the order of `tensors`)
starts at state i + 1; each weight is (state >> 8) / 2^24 - 0.5 of the next state, times `scale`, plus `shift`, rounded to float32.
`rows`: after some tokens of `ids` the natural logarithms of all next tokens' probabilities.
"""
import json

import numpy as np
import torch
import transformers
from transformers import Gemma4ForCausalLM, Gemma4TextConfig, Glm4MoeConfig, Glm4MoeForCausalLM

VOCAB, HIDDEN, TOKENS = 96, 64, 600


def weights(index, shape, scale, shift):
    state, values = index + 1, np.empty(int(np.prod(shape)))
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = ((state >> 8) / 2**24 - 0.5) * scale + shift
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def scale_of(name, shape):
    """Scale and shift: norms and factors around 1, biases around 0, matrices so that outputs are of size 1."""
    if name.endswith(('layer_scalar', 'per_expert_scale', 'router.scale')) or 'norm' in name:
        return (0.4, 0.9)
    if name.endswith('bias'):
        return (0.6, 0.0)
    if 'embed_tokens.' in name or name == 'lm_head.weight':
        return (1.5, 0.0)
    gain = 10 if 'router.proj' in name or name.endswith('mlp.gate.weight') else 1
    return (round(3.4 * gain / shape[-1] ** 0.5, 4), 0.0)


def apart(name, shape):
    """The names in published folders of GLM, which have a matrix for each expert; [(name, shape)]."""
    base = name.rsplit('.', 1)[0]
    if name.endswith('experts.gate_up_proj') and '.mlp.' in name:
        half = [shape[1] // 2, shape[2]]
        return [(f'{base}.{e}.{part}_proj.weight', half) for e in range(shape[0]) for part in ('gate', 'up')]
    if name.endswith('experts.down_proj') and '.mlp.' in name:
        return [(f'{base}.{e}.down_proj.weight', shape[1:]) for e in range(shape[0])]
    return [(name, shape)]


def golden(kind, config):
    config._experts_implementation = 'eager'
    model = kind(config).to(torch.float64).eval()
    state, tensors, made = model.state_dict(), [], {}
    for name, value in state.items():
        if name == 'lm_head.weight' and config.tie_word_embeddings:
            continue
        for part, shape in apart(name, list(value.shape)):
            scale, shift = scale_of(part, shape)
            made[part] = weights(len(tensors), shape, scale, shift)
            tensors.append(dict(name=part, shape=list(shape), scale=scale, shift=shift))
    for name, value in state.items():
        parts = apart(name, list(value.shape))
        if name == 'lm_head.weight' and config.tie_word_embeddings:
            continue
        if len(parts) == 1:
            value.copy_(made[name])
        elif 'gate_up' in name:
            value.copy_(torch.stack([torch.cat([made[parts[i][0]], made[parts[i + 1][0]]]) for i in range(0, len(parts), 2)]))
        else:
            value.copy_(torch.stack([made[part] for part, _ in parts]))
    model.load_state_dict(state)
    model.tie_weights()
    state = 12345
    ids = []
    for _ in range(TOKENS):
        state = (state * 1664525 + 1013904223) % 2**32
        ids.append((state >> 8) % VOCAB)
    with torch.no_grad():
        lnp = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
    at = sorted({*range(0, TOKENS, 23), TOKENS - 1})
    return dict(
        config={**config.to_dict(), 'architectures': [kind.__name__]},
        tensors=tensors, ids=ids, rows={t: [round(float(v), 5) for v in lnp[t]] for t in at},
    )


GEMMA = dict(
    vocab_size=VOCAB, vocab_size_per_layer_input=VOCAB, hidden_size=HIDDEN, intermediate_size=96, num_hidden_layers=6, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, global_head_dim=32, sliding_window=24, max_position_embeddings=1024, final_logit_softcapping=8.0,
    layer_types=['sliding_attention', 'sliding_attention', 'full_attention'] * 2, attn_implementation='eager',
)
print(json.dumps({
    'versions': dict(transformers=transformers.__version__, torch=torch.__version__),
    'gemma4, experts': golden(Gemma4ForCausalLM, Gemma4TextConfig(
        **GEMMA, num_global_key_value_heads=1, attention_k_eq_v=True, hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=8,
        top_k_experts=2, moe_intermediate_size=32)),
    'gemma4, inputs of each layer': golden(Gemma4ForCausalLM, Gemma4TextConfig(
        **GEMMA, hidden_size_per_layer_input=16, num_kv_shared_layers=2, use_double_wide_mlp=True)),
    'glm4-moe': golden(Glm4MoeForCausalLM, Glm4MoeConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=96, moe_intermediate_size=32, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, n_routed_experts=8, num_experts_per_tok=2, n_shared_experts=1, first_k_dense_replace=1, n_group=4,
        topk_group=2, norm_topk_prob=True, routed_scaling_factor=1.5, use_qk_norm=True, attention_bias=True, max_position_embeddings=1024,
        tie_word_embeddings=False, attn_implementation='eager')),
}, default=str, separators=(',', ':')))
