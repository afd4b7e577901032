"""Reference numbers for OPT, Falcon and gpt-oss, from an independent float64 forward in numpy of small models with made-up weights.

Usage: python3 families.py > families.json

Weights come from a linear congruential generator, so that a test can make the same checkpoint: tensor i of a model (in the order of `tensors`)
starts at state i + 1; each weight is (state >> 8) / 2^24 - 0.5 of the next state, times `scale`, plus `shift`, rounded to float32. Of tensors of bytes
(`scale` a whole number), each is (state >> 8) % scale + shift.
The arithmetic is that of transformers' modeling_opt.py, modeling_falcon.py and modeling_gpt_oss.py (with integrations/mxfp4.py and modeling_rope_utils.py),
written out from their definitions.
"""
import json
import math

import numpy as np

VOCAB = 64


def weights(index, shape, scale, shift):
    state, values = index + 1, np.empty(int(np.prod(shape)))
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = ((state >> 8) / 2**24 - 0.5) * scale + shift
    return values.astype(np.float32).astype(np.float64).reshape(shape)


def whole_numbers(index, shape, count, first):
    state, values = index + 1, np.empty(int(np.prod(shape)), np.uint8)
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = (state >> 8) % count + first
    return values.reshape(shape)


def layer_norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def attend(q, k, v):
    """q [T, heads, d], k and v [T, kv heads, d]; causal, heads share keys group by group."""
    tokens, heads, d = q.shape
    group = heads // k.shape[1]
    out = np.zeros_like(q)
    for h in range(heads):
        scores = q[:, h] @ k[:, h // group].T / math.sqrt(d)
        scores[np.triu_indices(tokens, 1)] = -np.inf
        p = np.exp(scores - scores.max(-1, keepdims=True))
        out[:, h] = p / p.sum(-1, keepdims=True) @ v[:, h // group]
    return out.reshape(tokens, heads * d)


def rotate(x, theta=10000.0):
    tokens, _, d = x.shape
    angles = np.arange(tokens)[:, None] * theta ** (-2 * np.arange(d // 2) / d)
    cos, sin = (np.concatenate([f(angles)] * 2, -1)[:, None] for f in (np.cos, np.sin))
    half = np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], -1)
    return x * cos + half * sin


relu = lambda x: np.maximum(x, 0)
gelu = np.vectorize(lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))))


def opt(prefix):
    h, ffn, layers, heads, positions = 32, 96, 2, 4, 40
    config = dict(
        architectures=['OPTForCausalLM'], model_type='opt', hidden_size=h, ffn_dim=ffn, num_hidden_layers=layers, num_attention_heads=heads,
        vocab_size=VOCAB, max_position_embeddings=positions, word_embed_proj_dim=h, do_layer_norm_before=True, activation_function='relu',
        bos_token_id=2, eos_token_id=2,
    )
    d = f'{prefix}decoder.'
    tensors = [(d + 'embed_tokens.weight', [VOCAB, h], 2, 0), (d + 'embed_positions.weight', [positions + 2, h], 1, 0)]
    for i in range(layers):
        p = f'{d}layers.{i}.'
        for norm in ('self_attn_layer_norm', 'final_layer_norm'):
            tensors += [(p + norm + '.weight', [h], 1, 1), (p + norm + '.bias', [h], 0.5, 0)]
        for name in ('q_proj', 'k_proj', 'v_proj', 'out_proj'):
            tensors += [(p + f'self_attn.{name}.weight', [h, h], 0.8, 0), (p + f'self_attn.{name}.bias', [h], 0.6, 0)]
        tensors += [(p + 'fc1.weight', [ffn, h], 0.8, 0), (p + 'fc1.bias', [ffn], 1, -0.6)]
        tensors += [(p + 'fc2.weight', [h, ffn], 0.6, 0), (p + 'fc2.bias', [h], 0.6, 0)]
    tensors += [(d + 'final_layer_norm.weight', [h], 1, 1), (d + 'final_layer_norm.bias', [h], 0.5, 0)]

    def forward(w, ids):
        x = w[d + 'embed_tokens.weight'][ids] + w[d + 'embed_positions.weight'][np.arange(len(ids)) + 2]
        active = []
        for i in range(layers):
            p = f'{d}layers.{i}.'
            linear = lambda y, name: y @ w[p + name + '.weight'].T + w[p + name + '.bias']
            y = layer_norm(x, w[p + 'self_attn_layer_norm.weight'], w[p + 'self_attn_layer_norm.bias'], 1e-5)
            q, k, v = (linear(y, f'self_attn.{n}_proj').reshape(len(ids), heads, h // heads) for n in 'qkv')
            x = x + linear(attend(q, k, v), 'self_attn.out_proj')
            y = layer_norm(x, w[p + 'final_layer_norm.weight'], w[p + 'final_layer_norm.bias'], 1e-5)
            inner = linear(y, 'fc1')
            active.append(float((inner > 0).mean()))
            x = x + linear(relu(inner), 'fc2')
        x = layer_norm(x, w[d + 'final_layer_norm.weight'], w[d + 'final_layer_norm.bias'], 1e-5)
        return x @ w[d + 'embed_tokens.weight'].T, active

    return config, tensors, forward


def falcon(kind, activation):
    h, layers, heads, kv = 64, 2, 4, {'multi-query': 1, 'grouped': 2, 'grouped-one-norm': 2, 'all-heads': 4}[kind]
    grouped, two_norms = kind.startswith('grouped'), kind == 'grouped'
    d, ffn = h // heads, 4 * h
    config = dict(
        architectures=['FalconForCausalLM'], model_type='falcon', hidden_size=h, num_hidden_layers=layers, num_attention_heads=heads, num_kv_heads=kv,
        vocab_size=VOCAB, max_position_embeddings=48, multi_query=kind != 'all-heads', parallel_attn=True, new_decoder_architecture=grouped, bias=False,
        alibi=False, activation=activation, layer_norm_epsilon=1e-5, bos_token_id=1, eos_token_id=1,
    )
    if kind == 'grouped-one-norm':
        config['num_ln_in_parallel_attn'] = 1
    tensors = [('transformer.word_embeddings.weight', [VOCAB, h], 2, 0)]
    norms = ('ln_attn', 'ln_mlp') if two_norms else ('input_layernorm',)
    for i in range(layers):
        p = f'transformer.h.{i}.'
        for norm in norms:
            tensors += [(p + norm + '.weight', [h], 1, 1), (p + norm + '.bias', [h], 0.5, 0)]
        tensors += [(p + 'self_attention.query_key_value.weight', [(heads + 2 * kv) * d, h], 0.6, 0)]
        tensors += [(p + 'self_attention.dense.weight', [h, h], 0.5, 0)]
        tensors += [(p + 'mlp.dense_h_to_4h.weight', [ffn, h], 0.5, 0), (p + 'mlp.dense_4h_to_h.weight', [h, ffn], 0.3, 0)]
    tensors += [('transformer.ln_f.weight', [h], 1, 1), ('transformer.ln_f.bias', [h], 0.5, 0)]

    def split(fused):
        if kind == 'multi-query':
            fused = fused.reshape(-1, heads + 2, d)
            return fused[:, :-2], fused[:, -2:-1], fused[:, -1:]
        fused = fused.reshape(-1, kv, heads // kv + 2, d)
        return fused[:, :, :-2].reshape(-1, heads, d), fused[:, :, -2], fused[:, :, -1]

    def forward(w, ids):
        x = w['transformer.word_embeddings.weight'][ids]
        active = []
        for i in range(layers):
            p = f'transformer.h.{i}.'
            normed = lambda norm: layer_norm(x, w[p + norm + '.weight'], w[p + norm + '.bias'], 1e-5)
            for_attention, for_mlp = (normed(norms[0]), normed(norms[-1]))
            q, k, v = split(for_attention @ w[p + 'self_attention.query_key_value.weight'].T)
            attention = attend(rotate(q), rotate(k), v) @ w[p + 'self_attention.dense.weight'].T
            inner = for_mlp @ w[p + 'mlp.dense_h_to_4h.weight'].T
            active.append(float((inner > 0).mean()))
            x = x + attention + {'relu': relu, 'gelu': gelu}[activation](inner) @ w[p + 'mlp.dense_4h_to_h.weight'].T
        x = layer_norm(x, w['transformer.ln_f.weight'], w['transformer.ln_f.bias'], 1e-5)
        return x @ w['transformer.word_embeddings.weight'].T, active

    return config, tensors, forward


E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])


def mxfp4(blocks, scales):
    """[..., rows, blocks, 16] bytes and [..., rows, blocks] exponents to [..., rows, 32 * blocks]: the low nibble of a byte comes before its high one."""
    values = np.stack([E2M1[blocks & 15], E2M1[blocks >> 4]], -1).reshape(*blocks.shape[:-1], 32)
    return (values * 2.0 ** (scales.astype(int) - 127)[..., None]).reshape(*scales.shape[:-1], -1)


def yarn(d, theta, scaling):
    """Inverse frequencies, and what cosines and sines are multiplied by."""
    pair = lambda turns: d * math.log(scaling['original_max_position_embeddings'] / (turns * 2 * math.pi)) / (2 * math.log(theta))
    low, high = max(pair(scaling['beta_fast']), 0), min(pair(scaling['beta_slow']), d - 1)
    slowed = np.clip((np.arange(d // 2) - low) / (high - low), 0, 1)
    plain = theta ** (-2 * np.arange(d // 2) / d)
    return plain / scaling['factor'] * slowed + plain * (1 - slowed), 0.1 * math.log(scaling['factor']) + 1


def gpt_oss(quantized):
    h, ffn, layers, heads, kv, d, experts, used, window = 64, 64, 2, 4, 2, 32, 6, 2, 4
    scaling = dict(rope_type='yarn', factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False, original_max_position_embeddings=512)
    config = dict(
        architectures=['GptOssForCausalLM'], model_type='gpt_oss', hidden_size=h, intermediate_size=ffn, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv, head_dim=d, vocab_size=VOCAB, max_position_embeddings=16384, rms_norm_eps=1e-5,
        rope_theta=150000, rope_scaling=scaling, sliding_window=window, layer_types=['sliding_attention', 'full_attention'] * (layers // 2),
        attention_bias=True, hidden_act='silu', swiglu_limit=7.0, num_local_experts=experts, num_experts_per_tok=used, experts_per_token=used,
        tie_word_embeddings=False, eos_token_id=1,
    )
    if quantized:
        config['quantization_config'] = dict(quant_method='mxfp4', modules_to_not_convert=['model.layers.*.self_attn', 'lm_head'])
    tensors = [('model.embed_tokens.weight', [VOCAB, h], 2, 0)]
    for i in range(layers):
        p = f'model.layers.{i}.'
        tensors += [(p + 'input_layernorm.weight', [h], 1, 1), (p + 'post_attention_layernorm.weight', [h], 1, 1)]
        for name, rows, columns in (('q', heads * d, h), ('k', kv * d, h), ('v', kv * d, h), ('o', h, heads * d)):
            tensors += [(p + f'self_attn.{name}_proj.weight', [rows, columns], 0.5, 0), (p + f'self_attn.{name}_proj.bias', [rows], 0.6, 0)]
        tensors += [(p + 'self_attn.sinks', [heads], 4, 0), (p + 'mlp.router.weight', [experts, h], 0.6, 0), (p + 'mlp.router.bias', [experts], 1, 0)]
        for name, rows, columns, bias in (('gate_up', 2 * ffn, h, 16), ('down', h, ffn, 1)):
            e = p + f'mlp.experts.{name}_proj'
            if quantized:
                tensors += [(e + '_blocks', [experts, rows, columns // 32, 16], 256, 0), (e + '_scales', [experts, rows, columns // 32], 3, 119)]
            else:
                tensors += [(e, [experts, columns, rows], 0.4, 0)]
            tensors += [(e + '_bias', [experts, rows], bias, 0)]
    tensors += [('model.norm.weight', [h], 1, 1), ('lm_head.weight', [VOCAB, h], 1, 0)]
    inverse, magnitude = yarn(d, config['rope_theta'], scaling)

    def rotated(x):
        angles = np.arange(len(x))[:, None] * inverse
        cos, sin = (magnitude * np.concatenate([f(angles)] * 2, -1)[:, None] for f in (np.cos, np.sin))
        return x * cos + np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], -1) * sin

    def attention(q, k, v, sinks, window):
        tokens, out = len(q), np.zeros_like(q)
        behind = np.arange(tokens)[:, None] - np.arange(tokens)
        unseen = (behind < 0) | (behind >= window)
        for head in range(heads):
            scores = np.where(unseen, -np.inf, q[:, head] @ k[:, head * kv // heads].T / math.sqrt(d))
            scores = np.concatenate([scores, np.full((tokens, 1), sinks[head])], -1)
            p = np.exp(scores - scores.max(-1, keepdims=True))
            out[:, head] = (p / p.sum(-1, keepdims=True))[:, :-1] @ v[:, head * kv // heads]
        return out.reshape(tokens, -1)

    def mixture(y, w, p):
        """Of one token."""
        e = p + 'mlp.experts.'
        logits = w[p + 'mlp.router.weight'] @ y + w[p + 'mlp.router.bias']
        order = np.argsort(-logits)
        assert logits[order[used - 1]] - logits[order[used]] > 1e-3
        shares = np.exp(logits[order[:used]] - logits[order[0]])
        out = np.zeros(h)
        for expert, share in zip(order[:used], shares / shares.sum()):
            def product(name, x):
                matrix = mxfp4(w[e + name + '_blocks'][expert], w[e + name + '_scales'][expert]) if quantized else w[e + name][expert].T
                return matrix @ x + w[e + name + '_bias'][expert]
            gate, up = product('gate_up_proj', y).reshape(ffn, 2).T
            gate, up = np.minimum(gate, 7), np.clip(up, -7, 7)
            out += share * product('down_proj', gate / (1 + np.exp(-1.702 * gate)) * (up + 1))
        return out

    def forward(w, ids):
        norm = lambda x, name: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w[name]
        x = w['model.embed_tokens.weight'][ids]
        for i in range(layers):
            p = f'model.layers.{i}.'
            linear = lambda y, name: y @ w[p + f'self_attn.{name}_proj.weight'].T + w[p + f'self_attn.{name}_proj.bias']
            y = norm(x, p + 'input_layernorm.weight')
            q, k, v = (linear(y, name).reshape(len(ids), -1, d) for name in 'qkv')
            seen = window if i % 2 == 0 else len(ids)
            x = x + linear(attention(rotated(q), rotated(k), v, w[p + 'self_attn.sinks'], seen), 'o')
            x = x + np.array([mixture(y, w, p) for y in norm(x, p + 'post_attention_layernorm.weight')])
        return norm(x, 'model.norm.weight') @ w['lm_head.weight'].T, None

    return config, tensors, forward


def golden(config, tensors, forward):
    made_by = lambda name: whole_numbers if name.endswith(('_blocks', '_scales')) else weights
    w = {name: made_by(name)(i, shape, scale, shift) for i, (name, shape, scale, shift) in enumerate(tensors)}
    ids = [2, 17, 5, 33, 60, 9, 9, 41, 28, 3, 55, 12]
    logits, active = forward(w, np.array(ids))
    lnp = logits - logits.max(-1, keepdims=True)
    lnp -= np.log(np.exp(lnp).sum(-1, keepdims=True))
    greedy, margins = list(ids[:4]), []
    for _ in range(20):
        last = np.sort(forward(w, np.array(greedy))[0][-1])
        margins.append(last[-1] - last[-2])
        greedy.append(int(forward(w, np.array(greedy))[0][-1].argmax()))
    assert min(margins) > 1e-3, min(margins)
    return dict(
        config=config,
        tensors=[dict(name=n, shape=s, scale=c, shift=t) for n, s, c, t in tensors],
        ids=ids,
        lnp=[[round(float(value), 6) for value in row] for row in lnp],
        activeShare=active,
        prompt=greedy[:4],
        greedy=greedy[4:],
    )


models = {
    'opt': opt('model.'),
    'opt without its prefix': opt(''),
    'falcon, multi-query': falcon('multi-query', 'relu'),
    'falcon, multi-query, gelu': falcon('multi-query', 'gelu'),
    'falcon, grouped': falcon('grouped', 'relu'),
    'falcon, grouped, one norm': falcon('grouped-one-norm', 'gelu'),
    'falcon, a key for each head': falcon('all-heads', 'relu'),
    'gpt-oss, MXFP4': gpt_oss(quantized=True),
    'gpt-oss, floats': gpt_oss(quantized=False),
}
print(json.dumps({name: golden(*model) for name, model in models.items()}))
