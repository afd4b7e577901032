"""What a small Gemma 3 with eyes predicts, by numpy in double: gemma3-vision.json.

    python3 tests/golden/gemma3_vision.py > tests/golden/gemma3-vision.json

Written from the description of the model (arXiv 2503.19786) and of transformers' class; nothing but numpy is needed. The
weights come from a generator that the test has, too: see `weights`. The picture is given as pixels after processing.
"""

import json
import math
import zlib

import numpy as np

VISION = {"size": 24, "patch": 4, "hidden": 16, "inner": 24, "heads": 2, "layers": 2, "eps": 1e-6}
TEXT = {"vocab": 300, "hidden": 32, "inner": 48, "heads": 4, "kv": 2, "dim": 8, "layers": 6, "window": 7, "every": 6}
TOKENS = 9


def weights(name, *shape, scale=1.0, offset=0.0):
    state = zlib.crc32(name.encode())
    values = np.empty(math.prod(shape), dtype=np.float32)
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = np.float32((state / 2**32 - 0.5) * scale + offset)
    return values.reshape(shape).astype(np.float64)


def matrix(name, rows, columns):
    return weights(name, rows, columns, scale=3.4 / math.sqrt(columns))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def layer_norm(x, name, eps):
    width = x.shape[-1]
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    return scaled * weights(f"{name}.weight", width, offset=1) + weights(f"{name}.bias", width, scale=0.2)


def rms(x, name, eps=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * (1 + weights(f"{name}.weight", x.shape[-1], scale=0.4))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def linear(x, name, outputs):
    return x @ matrix(f"{name}.weight", outputs, x.shape[-1]).T + weights(f"{name}.bias", outputs, scale=0.2)


def see(pixels):
    size, patch, hidden, heads = (VISION[key] for key in ("size", "patch", "hidden", "heads"))
    prefix = "vision_tower.vision_model."
    grid = size // patch
    cut = pixels.reshape(3, grid, patch, grid, patch).transpose(1, 3, 0, 2, 4).reshape(grid * grid, -1)
    kernel = weights(f"{prefix}embeddings.patch_embedding.weight", hidden, 3, patch, patch, scale=0.5)
    x = cut @ kernel.reshape(hidden, -1).T + weights(f"{prefix}embeddings.patch_embedding.bias", hidden, scale=0.2)
    x = x + weights(f"{prefix}embeddings.position_embedding.weight", grid * grid, hidden)
    for layer in range(VISION["layers"]):
        name = f"{prefix}encoder.layers.{layer}."
        n = layer_norm(x, f"{name}layer_norm1", VISION["eps"])
        q, k, v = (linear(n, f"{name}self_attn.{part}_proj", hidden).reshape(-1, heads, hidden // heads).transpose(1, 0, 2)
                   for part in "qkv")
        mixed = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(hidden // heads)) @ v
        x = x + linear(mixed.transpose(1, 0, 2).reshape(-1, hidden), f"{name}self_attn.out_proj", hidden)
        n = layer_norm(x, f"{name}layer_norm2", VISION["eps"])
        x = x + linear(gelu_tanh(linear(n, f"{name}mlp.fc1", VISION["inner"])), f"{name}mlp.fc2", hidden)
    x = layer_norm(x, f"{prefix}post_layernorm", VISION["eps"])
    side = int(math.sqrt(TOKENS))
    by = grid // side
    pooled = x.reshape(side, by, side, by, hidden).mean((1, 3)).reshape(TOKENS, hidden)
    normed = rms(pooled, "multi_modal_projector.mm_soft_emb_norm", VISION["eps"])
    return normed @ weights("multi_modal_projector.mm_input_projection_weight", hidden, TEXT["hidden"])


def rotate(x, theta):
    dim = x.shape[-1]
    angles = np.arange(x.shape[1])[:, None] * theta ** (-2 * np.arange(dim // 2) / dim)
    cos, sin = np.cos(angles), np.sin(angles)
    a, b = x[..., : dim // 2], x[..., dim // 2 :]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def predict(ids, image_id, features):
    hidden, heads, kv, dim = (TEXT[key] for key in ("hidden", "heads", "kv", "dim"))
    prefix = "language_model.model."
    embedding = weights(f"{prefix}embed_tokens.weight", TEXT["vocab"], hidden)
    x = embedding[ids] * math.sqrt(hidden)
    pictured = np.array(ids) == image_id
    x[pictured] = features
    at = np.arange(len(ids))
    # Pictures by their number, text by -1.
    starts = pictured & ~np.concatenate([[False], pictured[:-1]])
    number = np.where(pictured, np.cumsum(starts) - 1, -1)
    together = (number[:, None] == number[None, :]) & pictured[:, None]
    for layer in range(TEXT["layers"]):
        name = f"{prefix}layers.{layer}."
        slides = (layer + 1) % TEXT["every"] != 0
        n = rms(x, f"{name}input_layernorm")
        project = lambda part, count: (n @ matrix(f"{name}self_attn.{part}_proj.weight", count * dim, hidden).T).reshape(
            -1, count, dim).transpose(1, 0, 2)
        q, k, v = project("q", heads), project("k", kv), project("v", kv)
        theta = 10000 if slides else 1e6
        q = rotate(rms(q, f"{name}self_attn.q_norm"), theta)
        k = rotate(rms(k, f"{name}self_attn.k_norm"), theta)
        k, v = (np.repeat(part, heads // kv, axis=0) for part in (k, v))
        seen = at[None, :] <= at[:, None]
        if slides:
            seen &= at[None, :] > at[:, None] - TEXT["window"]
        scores = np.where(seen | together, q @ k.transpose(0, 2, 1) / math.sqrt(dim), -np.inf)
        mixed = (softmax(scores) @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        out = mixed @ matrix(f"{name}self_attn.o_proj.weight", hidden, heads * dim).T
        x = x + rms(out, f"{name}post_attention_layernorm")
        n = rms(x, f"{name}pre_feedforward_layernorm")
        gate = gelu_tanh(n @ matrix(f"{name}mlp.gate_proj.weight", TEXT["inner"], hidden).T)
        up = n @ matrix(f"{name}mlp.up_proj.weight", TEXT["inner"], hidden).T
        out = (gate * up) @ matrix(f"{name}mlp.down_proj.weight", hidden, TEXT["inner"]).T
        x = x + rms(out, f"{name}post_feedforward_layernorm")
    logits = rms(x, f"{prefix}norm") @ embedding.T
    return logits - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)) - logits.max(
        -1, keepdims=True)


def main():
    size = VISION["size"]
    # A picture of the tower's own size, so that nothing is resampled.
    picture = (np.arange(3 * size * size) * 7919 % 256).reshape(size, size, 3)
    features = see(((picture / 255 - 0.5) / 0.5).transpose(2, 0, 1))
    begin, image, end = 297, 298, 299
    block = [10, 11, begin, *[image] * TOKENS, end, 12, 13]
    cases = [[1, 20, 21, *block, 22, 23, 24], [1, *block, *block, 30], [1, *range(40, 70), *block, 25, 26]]
    answers = []
    for ids in cases:
        count = sum(one == image for one in ids) // TOKENS
        lnp = predict(ids, image, np.concatenate([features] * count))
        answers.append({"ids": ids, "lnp": [[round(float(one), 6) for one in row[:40]] for row in lnp]})
    print(json.dumps({
        "vision": VISION, "text": TEXT, "tokens": TOKENS, "special": {"begin": begin, "image": image, "end": end},
        "features": [round(float(one), 6) for one in features.reshape(-1)], "cases": answers,
    }, separators=(",", ":")))


if __name__ == "__main__":
    main()
