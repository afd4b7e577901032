"""Reference numbers for the shipped model, from an independent float32 forward in numpy.

Usage: python3 tales_q8_0.py FOLDER > tales-q8_0.json
FOLDER holds the f16 checkpoint (config.json, model.safetensors) and reference.json with `sequences` and prompts.

The shipped store is this checkpoint in q8_0 throughout: every matrix in blocks of 32 along its input, but the down matrices,
whose blocks run along each neuron's column.
"""
import json
import struct
import sys

import numpy as np

folder = sys.argv[1]
config = json.load(open(f'{folder}/config.json'))
reference = json.load(open(f'{folder}/reference.json'))
raw = open(f'{folder}/model.safetensors', 'rb').read()
header_bytes = struct.unpack('<Q', raw[:8])[0]
header = json.loads(raw[8 : 8 + header_bytes])


def tensor(name):
    info = header[name]
    begin, end = info['data_offsets']
    values = np.frombuffer(raw[8 + header_bytes + begin : 8 + header_bytes + end], dtype=np.float16)
    return values.reshape(info['shape']).astype(np.float32)


def q8_0(matrix):
    """Rounds rows as GGML's q8_0 does: 32 weights share one f16 scale, the largest magnitude over 127."""
    blocks = matrix.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.where(scale > 0, np.float32(1) / np.where(scale > 0, scale, 1), 0).astype(np.float32)
    scaled = blocks * inverse
    quants = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    return (quants * scale.astype(np.float16).astype(np.float32)).reshape(matrix.shape).astype(np.float32)


layers, heads, kv_heads = config['num_hidden_layers'], config['num_attention_heads'], config['num_key_value_heads']
dim = config['hidden_size'] // heads
embedding = q8_0(tensor('model.embed_tokens.weight'))
final_norm = tensor('model.norm.weight')
weights = []
for i in range(layers):
    p = f'model.layers.{i}.'
    matrices = {k: q8_0(tensor(f'{p}self_attn.{k}_proj.weight')) for k in 'qkvo'}
    matrices |= {k: q8_0(tensor(f'{p}mlp.{k}_proj.weight')) for k in ('gate', 'up')}
    matrices['down'] = q8_0(np.ascontiguousarray(tensor(f'{p}mlp.down_proj.weight').T)).T
    matrices['norm1'], matrices['norm2'] = tensor(f'{p}input_layernorm.weight'), tensor(f'{p}post_attention_layernorm.weight')
    weights.append(matrices)


def norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(config['rms_norm_eps'])) * weight


def rotate(x, positions):
    """Halves layout: pairs (i, i + dim/2)."""
    angles = positions[:, None] * config['rope_theta'] ** (-np.arange(0, dim, 2) / dim)
    cos, sin = np.cos(angles)[:, None].astype(np.float32), np.sin(angles)[:, None].astype(np.float32)
    a, b = x[..., : dim // 2], x[..., dim // 2 :]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def forward(ids):
    """Logits [tokens, vocabSize] of a whole sequence."""
    n = len(ids)
    positions = np.arange(n)
    mask = np.triu(np.full((n, n), -np.inf, np.float32), 1)
    x = embedding[ids]
    for w in weights:
        h = norm(x, w['norm1'])
        q = rotate((h @ w['q'].T).reshape(n, heads, dim), positions)
        k = rotate((h @ w['k'].T).reshape(n, kv_heads, dim), positions)
        v = (h @ w['v'].T).reshape(n, kv_heads, dim)
        k, v = (np.repeat(a, heads // kv_heads, axis=1) for a in (k, v))
        scores = np.einsum('qhd,khd->hqk', q, k) / np.sqrt(np.float32(dim)) + mask
        p = np.exp(scores - scores.max(-1, keepdims=True))
        x = x + np.einsum('hqk,khd->qhd', p / p.sum(-1, keepdims=True), v).reshape(n, -1) @ w['o'].T
        h = norm(x, w['norm2'])
        x = x + (np.maximum(h @ w['gate'].T, 0) * (h @ w['up'].T)) @ w['down'].T
    return norm(x, final_norm) @ embedding.T


def greedy(prompt, count):
    ids, tokens, margins = list(prompt), [], []
    while len(tokens) < count:
        logits = forward(ids)[-1]
        best, second = np.sort(logits)[::-1][:2]
        tokens.append(int(logits.argmax()))
        margins.append(round(float(best - second), 4))
        if tokens[-1] == config['eos_token_id']:
            break
        ids.append(tokens[-1])
    return {'prompt': list(prompt), 'tokens': tokens, 'margins': margins}


def mean_nll(sequences):
    total, count = 0.0, 0
    for ids in sequences:
        logits = forward(ids).astype(np.float64)[:-1]
        top = logits.max(-1, keepdims=True)
        normalizer = top[:, 0] + np.log(np.exp(logits - top).sum(-1))
        total += (normalizer - logits[np.arange(len(ids) - 1), ids[1:]]).sum()
        count += len(ids) - 1
    return total / count, count


nll, scored = mean_nll(reference['sequences'])
few, _ = mean_nll(reference['sequences'][:8])
print(json.dumps({
    'note': 'float32 numpy forward on the q8_0 weights of weights/tales, by tales_q8_0.py; the first token of a sequence is not scored',
    'greedy': [greedy(case['promptTokens'], 100) for case in reference['greedy']],
    'sequences': reference['sequences'][:8],
    'meanNll': few,
    'allMeanNll': nll,
    'allTokens': scored,
}))
