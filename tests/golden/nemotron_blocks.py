"""Reference numbers for patterns of Nemotron-H's blocks, in float64 by NumPy alone, of small models with made-up weights.

Usage: python3 nemotron_blocks.py > nemotron-blocks.json

The arithmetic is that of arXiv 2504.03624 and 2405.21060, token by token. It is first held against what transformers computed for one pattern
(families-2026.json), within 1e-4. Weights, ids and rows are made as in families_2026.py.
"""
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, 'families-2026.json')) as file:
    KNOWN = json.load(file)
IDS = KNOWN['ids']
KNOWN_MODEL = KNOWN['models']['nemotron-h, ordinary networks']
BEST, EPSILON = 8, 1e-5
HEADS, KEY_HEADS, HEAD_DIM = 4, 2, 16
MAMBA_HEADS, MAMBA_DIM, GROUPS, STATE, KERNEL = 8, 16, 2, 16, 4
WORDS = {'M': 'linear_attention', '*': 'full_attention', '-': 'mlp'}
# A network first, two and three Mamba blocks in a row, attention alone, a network alone; and Mamba blocks before attention alone.
PATTERNS = ['-MM-*-MMM*--M-', 'M*-MM*-']


def weights(index, shape, scale, shift):
    state, values = index + 1, np.empty(int(np.prod(shape)))
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = ((state >> 8) / 2**24 - 0.5) * scale + shift
    return values.astype(np.float32).astype(np.float64).reshape(shape)


def tensors_of(words):
    """The tensors of a pattern, each as in a block of that kind of the known model."""
    kinds = KNOWN_MODEL['config']['layers_block_type']
    of_kind = {word: [] for word in WORDS.values()}
    ends = []
    for name, *rest in KNOWN_MODEL['tensors']:
        parts = name.split('.')
        if parts[1] != 'layers':
            ends.append([name, *rest])
        elif int(parts[2]) == kinds.index(kinds[int(parts[2])]):
            of_kind[kinds[int(parts[2])]].append(['.'.join(parts[3:]), *rest])
    blocks = [[f'backbone.layers.{block}.{name}', *rest] for block, word in enumerate(words) for name, *rest in of_kind[word]]
    return ends + blocks


def rms(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def silu(x):
    return x / (1 + np.exp(-x))


def mamba(w, x):
    width, keys = MAMBA_HEADS * MAMBA_DIM, GROUPS * STATE
    gate, channels, steps = np.split(x @ w['mixer.in_proj.weight'].T, [width, 2 * width + 2 * keys], -1)
    padded = np.concatenate([np.zeros((KERNEL - 1, channels.shape[1])), channels])
    kernel = w['mixer.conv1d.weight'][:, 0]
    channels = silu(sum(padded[i:i + len(x)] * kernel[:, i] for i in range(KERNEL)) + w['mixer.conv1d.bias'])
    values, b, c = np.split(channels, [width, width + keys], -1)
    steps = np.log1p(np.exp(steps + w['mixer.dt_bias']))
    decays = np.exp(steps * -np.exp(w['mixer.A_log']))
    state, out = np.zeros((MAMBA_HEADS, MAMBA_DIM, STATE)), np.empty((len(x), width))
    for t in range(len(x)):
        v = values[t].reshape(MAMBA_HEADS, MAMBA_DIM)
        key, query = (np.repeat(one[t].reshape(GROUPS, STATE), MAMBA_HEADS // GROUPS, 0) for one in (b, c))
        state = decays[t][:, None, None] * state + (steps[t][:, None] * v)[:, :, None] * key[:, None]
        out[t] = ((state * query[:, None]).sum(-1) + w['mixer.D'][:, None] * v).reshape(-1)
    grouped = (out * silu(gate)).reshape(len(x), GROUPS, -1)
    normed = grouped / np.sqrt((grouped * grouped).mean(-1, keepdims=True) + EPSILON)
    return normed.reshape(len(x), -1) * w['mixer.norm.weight'] @ w['mixer.out_proj.weight'].T


def attention(w, x):
    q = (x @ w['mixer.q_proj.weight'].T).reshape(len(x), HEADS, HEAD_DIM)
    k, v = (np.repeat((x @ w[f'mixer.{name}_proj.weight'].T).reshape(len(x), KEY_HEADS, HEAD_DIM), HEADS // KEY_HEADS, 1) for name in 'kv')
    scores = np.einsum('qhd,khd->hqk', q, k) / HEAD_DIM**0.5 + np.triu(np.full((len(x), len(x)), -np.inf), 1)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = np.einsum('hqk,khd->qhd', shares / shares.sum(-1, keepdims=True), v)
    return mixed.reshape(len(x), -1) @ w['mixer.o_proj.weight'].T


def network(w, x):
    return np.maximum(x @ w['mixer.up_proj.weight'].T, 0) ** 2 @ w['mixer.down_proj.weight'].T


BLOCKS = {'linear_attention': mamba, 'full_attention': attention, 'mlp': network}


def rows(words, tensors):
    made = {name: weights(index, *rest) for index, (name, *rest) in enumerate(tensors)}
    x = made['backbone.embeddings.weight'][IDS]
    for block, word in enumerate(words):
        prefix = f'backbone.layers.{block}.'
        w = {name[len(prefix):]: value for name, value in made.items() if name.startswith(prefix)}
        x = x + BLOCKS[word](w, rms(x, w['norm.weight']))
    logits = rms(x, made['backbone.norm_f.weight']) @ made['lm_head.weight'].T
    lnp = logits - logits.max(-1, keepdims=True)
    lnp -= np.log(np.exp(lnp).sum(-1, keepdims=True))
    found = {}
    for at in sorted({*range(0, len(IDS), 23), len(IDS) - 1}):
        best = np.argsort(-lnp[at], kind='stable')[:BEST]
        found[str(at)] = [[int(i), round(float(lnp[at][i]), 5)] for i in best]
    return found


if __name__ == '__main__':
    ours = rows(KNOWN_MODEL['config']['layers_block_type'], KNOWN_MODEL['tensors'])
    for at, row in KNOWN_MODEL['rows'].items():
        assert [i for i, _ in ours[at]] == [i for i, _ in row], at
        assert all(abs(one - other) < 1e-4 for (_, one), (_, other) in zip(ours[at], row)), at
    models = {}
    for pattern in PATTERNS:
        words = [WORDS[letter] for letter in pattern]
        tensors = tensors_of(words)
        models[pattern] = dict(config=dict(KNOWN_MODEL['config'], layers_block_type=words), tensors=tensors, rows=rows(words, tensors))
    print(json.dumps(dict(versions=dict(numpy=np.__version__), models=models), separators=(',', ':')))
