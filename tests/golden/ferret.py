"""What a small Ferret sees and predicts, by numpy in double: ferret.json.

    python3 tests/golden/ferret.py > tests/golden/ferret.json

Written from the description of the model (arXiv 2310.07704): CLIP's tower without its last layer and its class token, one
linear layer, and Llama. Weights and small parts are those of gemma3_vision.py.
"""

import json
import math

import numpy as np
from gemma3_vision import layer_norm, linear, matrix, rotate, softmax, weights

VISION = {"size": 28, "patch": 7, "hidden": 16, "inner": 24, "heads": 2, "layers": 3, "eps": 1e-5}
TEXT = {"vocab": 128, "hidden": 32, "inner": 48, "heads": 4, "layers": 2, "eps": 1e-5}
STAND_IN = 0
MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711])


def see(pixels):
    size, patch, hidden, heads = (VISION[key] for key in ("size", "patch", "hidden", "heads"))
    prefix = "vision_model."
    grid = size // patch
    cut = pixels.reshape(3, grid, patch, grid, patch).transpose(1, 3, 0, 2, 4).reshape(grid * grid, -1)
    kernel = weights(f"{prefix}embeddings.patch_embedding.weight", hidden, 3, patch, patch, scale=0.5)
    x = np.concatenate([
        weights(f"{prefix}embeddings.class_embedding", hidden)[None, :], cut @ kernel.reshape(hidden, -1).T])
    x = x + weights(f"{prefix}embeddings.position_embedding.weight", grid * grid + 1, hidden)
    x = layer_norm(x, f"{prefix}pre_layrnorm", VISION["eps"])
    for layer in range(VISION["layers"] - 1):
        name = f"{prefix}encoder.layers.{layer}."
        n = layer_norm(x, f"{name}layer_norm1", VISION["eps"])
        q, k, v = (linear(n, f"{name}self_attn.{part}_proj", hidden).reshape(-1, heads, hidden // heads).transpose(1, 0, 2)
                   for part in "qkv")
        mixed = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(hidden // heads)) @ v
        x = x + linear(mixed.transpose(1, 0, 2).reshape(-1, hidden), f"{name}self_attn.out_proj", hidden)
        n = linear(layer_norm(x, f"{name}layer_norm2", VISION["eps"]), f"{name}mlp.fc1", VISION["inner"])
        x = x + linear(n / (1 + np.exp(-1.702 * n)), f"{name}mlp.fc2", hidden)
    return linear(x[1:], "model.mm_projector", TEXT["hidden"])


def rms(x, name):
    scaled = x / np.sqrt((x**2).mean(-1, keepdims=True) + TEXT["eps"])
    return scaled * weights(f"{name}.weight", x.shape[-1], offset=1)


def predict(ids, features):
    hidden, heads = TEXT["hidden"], TEXT["heads"]
    dim = hidden // heads
    x = weights("model.embed_tokens.weight", TEXT["vocab"], hidden)[ids]
    x[np.array(ids) == STAND_IN] = features
    seen = np.tril(np.ones((len(ids), len(ids)), dtype=bool))
    for layer in range(TEXT["layers"]):
        name = f"model.layers.{layer}."
        n = rms(x, f"{name}input_layernorm")
        q, k, v = ((n @ matrix(f"{name}self_attn.{part}_proj.weight", hidden, hidden).T).reshape(-1, heads, dim).transpose(
            1, 0, 2) for part in "qkv")
        q, k = rotate(q, 10000), rotate(k, 10000)
        mixed = softmax(np.where(seen, q @ k.transpose(0, 2, 1) / math.sqrt(dim), -np.inf)) @ v
        mixed = mixed.transpose(1, 0, 2).reshape(len(ids), -1)
        x = x + mixed @ matrix(f"{name}self_attn.o_proj.weight", hidden, hidden).T
        n = rms(x, f"{name}post_attention_layernorm")
        gate = n @ matrix(f"{name}mlp.gate_proj.weight", TEXT["inner"], hidden).T
        up = n @ matrix(f"{name}mlp.up_proj.weight", TEXT["inner"], hidden).T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ matrix(f"{name}mlp.down_proj.weight", hidden, TEXT["inner"]).T
    logits = rms(x, "model.norm") @ matrix("lm_head.weight", TEXT["vocab"], hidden).T
    return np.log(softmax(logits))


def main():
    size = VISION["size"]
    # A picture of the tower's own size, so that nothing is resampled.
    picture = (np.arange(3 * size * size) * 7919 % 256).reshape(size, size, 3)
    features = see(((picture / 255 - MEAN) / DEVIATION).transpose(2, 0, 1))
    ids = [5, 6, *[STAND_IN] * len(features), 7, 8, 9]
    lnp = predict(ids, features)
    print(json.dumps({
        "vision": VISION, "text": TEXT, "ids": ids,
        "features": [round(float(one), 6) for one in features.reshape(-1)],
        "lnp": [[round(float(one), 6) for one in row[:40]] for row in lnp],
    }, separators=(",", ":")))


if __name__ == "__main__":
    main()
