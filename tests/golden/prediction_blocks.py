"""What the blocks that predict further tokens (MTP) of small random models say, in numpy and float64.

Usage: python3 prediction_blocks.py TINY_GGUF_WRITER > prediction-blocks.json      needs: node; pip install numpy gguf

TINY_GGUF_WRITER is tiny-gguf-2026.mjs, which comes with the test data. The mathematics are those of the models' own code: vLLM's deepseek_mtp,
glm4_moe_mtp and qwen3_next_mtp, llama.cpp's graph_mtp of qwen35moe. Position p of a block sees the embedding of token p + 1 and the model's hidden
state at p, which is made up here: hidden[p, i] = sin(0.37 p + 0.11 i + 0.5). The last two tokens follow one another by the block's own hidden state.
`rows`: after each token the likeliest next tokens, each with the natural logarithm of its probability.
"""
import json
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGUFReader

MODELS, TOKENS, BEST = ['qwen35moe', 'qwen3next', 'glm4moe', 'deepseek2-glm'], 12, 8


class Block:
    def __init__(self, path):
        reader = GGUFReader(path)
        self.tensors = {t.name: np.array(t.data, np.float64).reshape([int(n) for n in reversed(t.shape)]) for t in reader.tensors}
        self.architecture = reader.fields['general.architecture'].contents()
        self.fields = reader.fields
        self.at = self.key('block_count') - self.key('nextn_predict_layers')
        self.eps = self.key('attention.layer_norm_rms_epsilon')

    def key(self, name, default=None):
        field = self.fields.get(f'{self.architecture}.{name}')
        return default if field is None else field.contents()

    def per_block(self, name):
        value = self.key(name)
        return value[self.at] if isinstance(value, list) else value

    def __getitem__(self, name):
        return self.tensors[f'blk.{self.at}.{name}']

    def has(self, name):
        return f'blk.{self.at}.{name}' in self.tensors

    def norm(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * weight


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def rotate(x, base, size, interleaved):
    """x [tokens, heads, headDim]; the first `size` dimensions turn."""
    angle = np.arange(x.shape[0])[:, None] * base ** (-np.arange(0, size, 2) / size)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out = x.copy()
    first, second = (slice(0, size, 2), slice(1, size, 2)) if interleaved else (slice(0, size // 2), slice(size // 2, size))
    a, b = x[..., first], x[..., second]
    out[..., first], out[..., second] = a * cos - b * sin, b * cos + a * sin
    return out


def causal(scores):
    tokens = scores.shape[0]
    return softmax(np.where(np.arange(tokens)[:, None] < np.arange(tokens)[None, :], -np.inf, scores))


def attention(b, x):
    tokens, heads, kv = len(x), b.per_block('attention.head_count'), b.per_block('attention.head_count_kv')
    gated = b.architecture.startswith('qwen')
    q, k, v = (x @ b[f'attn_{c}.weight'].T for c in 'qkv')
    if b.has('attn_q.bias'):
        q, k, v = (t + b[f'attn_{c}.bias'] for t, c in ((q, 'q'), (k, 'k'), (v, 'v')))
    k, v = k.reshape(tokens, kv, -1), v.reshape(tokens, kv, -1)
    size = k.shape[-1]
    q = q.reshape(tokens, heads, -1)
    gate = q[..., size:] if gated else None
    q = q[..., :size]
    if b.has('attn_q_norm.weight'):
        q, k = b.norm(q, b['attn_q_norm.weight']), b.norm(k, b['attn_k_norm.weight'])
    turning, base = b.key('rope.dimension_count', size), b.key('rope.freq_base', 10000.0)
    q, k = rotate(q, base, turning, False), rotate(k, base, turning, False)
    out = np.empty((tokens, heads, size))
    for h in range(heads):
        out[:, h] = causal(q[:, h] @ k[:, h * kv // heads].T / np.sqrt(size)) @ v[:, h * kv // heads]
    if gated:
        out *= sigmoid(gate)
    return out.reshape(tokens, -1) @ b['attn_output.weight'].T


def latent_attention(b, x):
    tokens, heads = len(x), b.key('attention.head_count')
    latent, turning, base = b.key('attention.kv_lora_rank'), b.key('rope.dimension_count'), b.key('rope.freq_base')
    q = b.norm(x @ b['attn_q_a.weight'].T, b['attn_q_a_norm.weight']) @ b['attn_q_b.weight'].T
    q = q.reshape(tokens, heads, -1)
    plain, turned = q[..., :-turning], rotate(q[..., -turning:], base, turning, True)
    both = x @ b['attn_kv_a_mqa.weight'].T
    c = b.norm(both[:, :latent], b['attn_kv_a_norm.weight'])
    key = rotate(both[:, None, latent:], base, turning, True)[:, 0]
    out = []
    for h in range(heads):
        # From latents to this head's keys and values.
        keys, values = c @ b['attn_k_b.weight'][h], c @ b['attn_v_b.weight'][h].T
        scores = (plain[:, h] @ keys.T + turned[:, h] @ key.T) / np.sqrt(q.shape[-1])
        out.append(causal(scores) @ values)
    return np.concatenate(out, -1) @ b['attn_output.weight'].T


def mixture(b, x):
    logits = x @ b['ffn_gate_inp.weight'].T
    sigmoids = not b.architecture.startswith('qwen')
    shares = sigmoid(logits) if sigmoids else softmax(logits)
    chosen = shares + b['exp_probs_b.bias'] if b.has('exp_probs_b.bias') else shares
    out = np.zeros_like(x)
    for t, row in enumerate(x):
        best = np.argsort(-chosen[t])[: b.key('expert_used_count')]
        weights = shares[t, best]
        weights = weights / weights.sum() * b.key('expert_weights_scale', 1.0)
        for e, weight in zip(best, weights):
            if b.has('ffn_gate_up_exps.weight'):
                gate, up = np.split(b['ffn_gate_up_exps.weight'][e] @ row, 2)
            else:
                gate, up = b['ffn_gate_exps.weight'][e] @ row, b['ffn_up_exps.weight'][e] @ row
            out[t] += weight * (b['ffn_down_exps.weight'][e] @ (silu(gate) * up))
    shared = (silu(x @ b['ffn_gate_shexp.weight'].T) * (x @ b['ffn_up_shexp.weight'].T)) @ b['ffn_down_shexp.weight'].T
    if b.has('ffn_gate_inp_shexp.weight'):
        shared = shared * sigmoid(x @ b['ffn_gate_inp_shexp.weight'].reshape(-1))[:, None]
    return out + shared


def run(b, tokens, hidden, last):
    """The block's hidden states and logits. `hidden` are those before the tokens, `last` the block's own before the last one."""
    model = b.tensors
    h = b.norm(hidden, model['output_norm.weight'])
    head_norm = b['nextn.shared_head_norm.weight']
    if last is not None:
        h = np.concatenate([h, [b.norm(last, head_norm) if b.architecture.startswith('qwen') else last]])
    e = b.norm(model['token_embd.weight'][tokens], b['nextn.enorm.weight'])
    x = np.concatenate([e, b.norm(h, b['nextn.hnorm.weight'])], -1) @ b['nextn.eh_proj.weight'].T
    attend = latent_attention if b.architecture == 'deepseek2' else attention
    x = x + attend(b, b.norm(x, b['attn_norm.weight']))
    ffn_norm = b['ffn_norm.weight'] if b.has('ffn_norm.weight') else b['post_attention_norm.weight']
    x = x + mixture(b, b.norm(x, ffn_norm))
    logits = b.norm(x, head_norm) @ model.get('output.weight', model['token_embd.weight']).T
    return x, logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def answers(name, path):
    b = Block(path)
    vocabulary, size = b.tensors['token_embd.weight'].shape
    tokens = [(i * 37 + 11) % vocabulary for i in range(TOKENS)]
    hidden = np.sin(0.37 * np.arange(TOKENS - 1)[:, None] + 0.11 * np.arange(size)[None] + 0.5)
    x, _ = run(b, tokens[:-1], hidden, None)
    _, logits = run(b, tokens, hidden, x[-1])
    rows = [[[int(i), round(float(row[i]), 6)] for i in np.argsort(-row)[:BEST]] for row in logits]
    return {'model': name, 'type': 'f32', 'seed': 1, 'shape': 'b', 'tokens': tokens, 'rows': rows}


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = []
        for name in MODELS:
            subprocess.run(['node', sys.argv[1], folder, name, '--type', 'f32', '--seed', '1', '--shape', 'b'], check=True, stdout=sys.stderr)
            out.append(answers(name, f'{folder}/{name}-f32.gguf'))
        print(json.dumps(out))


main()
