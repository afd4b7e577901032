"""What a small Ferret sees and predicts, by numpy in double: ferret.json.

    python3 tests/golden/ferret.py > tests/golden/ferret.json

Written from the description of the model (arXiv 2310.07704): CLIP's tower without its last layer and its class token, one
linear layer, and Llama. Weights and small parts are those of gemma3_vision.py.
"""

import hashlib
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


def sample(grid, points, firsts, width, hidden):
    """The region's embedding, from points in order and the point that each stage begins with."""
    prefix = "sampler."
    side = math.isqrt(len(grid))
    grid = grid.reshape(side, side, width)
    features = []
    for x, y in points:
        row, column = x * (side - 1), y * (side - 1)
        top, left = int(row), int(column)
        bottom, right = min(top + 1, side - 1), min(left + 1, side - 1)
        upper = grid[top, left] * (1 - column + left) + grid[top, right] * (column - left)
        lower = grid[bottom, left] * (1 - column + left) + grid[bottom, right] * (column - left)
        features.append(upper * (1 - row + top) + lower * (row - top))
    features = np.array(features)
    for stage, (count, first) in enumerate(zip((128, 32), firsts)):
        chosen, far = [], np.full(len(points), np.inf)
        for _ in range(count):
            chosen.append(first)
            far = np.minimum(far, ((points - points[first]) ** 2).sum(-1))
            first = int(far.argmax())
        pooled = []
        for anchor in chosen:
            near = np.argsort(((points - points[anchor]) ** 2).sum(-1), kind="stable")[:24]
            local = np.concatenate([features[near], points[near]], -1)
            own = np.concatenate([features[anchor], points[anchor]])
            moved = linear(local - own, f"{prefix}diff_projector_list.{stage}", width + 2)
            joined = np.concatenate([moved, np.tile(own, (24, 1))], -1)
            name = f"{prefix}agg_projector_list.{stage}"
            brought = np.maximum(linear(joined, f"{name}.net.0", width), 0)
            pooled.append(layer_norm(brought, f"{name}.norm", 1e-5).max(0))
        points, features = points[chosen], np.array(pooled)
    flat = linear(features.reshape(-1), f"{prefix}flatten_projector", width)
    return linear(flat, f"{prefix}dim_projector", hidden)


def regions():
    width, hidden, side = 6, 10, 5
    grid = weights("grid", side * side, width)
    random = np.random.default_rng(3)
    answers = []
    for count in (512, 40):
        # No two are equally far from a third, so that rounding decides nothing; 40 of them come again and again.
        points = random.random((count, 2)).astype(np.float32)
        points = np.concatenate([points, points[random.integers(0, count, 512 - count)]]) if count < 512 else points
        firsts = [7, 11]
        answers.append({
            "points": [float(one) for one in points.reshape(-1)], "firsts": firsts,
            "embedding": [round(float(one), 6) for one in sample(grid, points.astype(np.float64), firsts, width, hidden)],
        })
    return {"width": width, "hidden": hidden, "side": side, "cases": answers}


def draws(seed):
    """Whole numbers below a bound: 48 bits at a time of SHA-256 of the seed and a counter."""
    block, left = 0, b""

    def below(bound):
        nonlocal block, left
        if len(left) < 6:
            left = hashlib.sha256(f"{seed} {block}".encode()).digest()
            block += 1
        drawn, left = int.from_bytes(left[:6], "big"), left[6:]
        return drawn % bound

    return below


def chosen(count, below):
    """512 numbers below `count`: different ones by Floyd's method, or all and some again."""
    if count <= 512:
        return [*range(count), *(below(count) for _ in range(512 - count))]
    taken = []
    for last in range(count - 512, count):
        drawn = below(last + 1)
        taken.append(last if drawn in set(taken) else drawn)
    return taken


def masks(width, height):
    """The three kinds of region, each as a mask [width, height], and what it is asked by."""
    x, y = np.meshgrid(np.arange(width), np.arange(height), indexing="ij")
    ring = abs(np.hypot(x - 30, y - 20) - 12) < 4
    few = ((x - 5) ** 2 + (y - 31) ** 2 < 6) | ((x == 58) & (y == 1))
    return [
        ({"box": [7, 3, 44, 30]}, (x >= 7) & (x <= 44) & (y >= 3) & (y <= 30)),
        ({"box": [10.9, 12.2, 14.9, 90]}, (x >= 10) & (x <= 14) & (y >= 12)),
        ({"point": [2, 37]}, (abs(x - 2) <= 5) & (abs(y - 37) <= 5)),
        ({"point": [40, 20]}, (abs(x - 40) <= 5) & (abs(y - 20) <= 5)),
        ({"mask": "ring"}, ring), ({"mask": "few"}, few), ({"mask": "one"}, (x == 59) & (y == 39)),
    ]


def seeded():
    """Regions of a picture of 60 x 40 pixels, their points drawn from a seed."""
    width, hidden, side = 6, 10, 5
    grid = weights("grid", side * side, width)
    answers = []
    for region, mask in masks(60, 40):
        pixels = np.argwhere(mask)
        for seed in (0, 20260920):
            below = draws(seed)
            points = pixels[chosen(len(pixels), below)] / np.array([60, 40])
            points = points.astype(np.float32).astype(np.float64)
            embedding = sample(grid, points, [below(512), below(128)], width, hidden)
            answers.append({
                "region": region, "seed": seed, "pixels": len(pixels),
                "box": [int(one) for one in (*pixels.min(0), *pixels.max(0))],
                "rows": ["".join("#" if one else "." for one in row) for row in mask.T] if "mask" in region else None,
                "embedding": [round(float(one), 6) for one in embedding],
            })
    return answers


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
        "lnp": [[round(float(one), 6) for one in row[:40]] for row in lnp], "regions": regions(),
        "seeded": seeded(),
    }, separators=(",", ":")))


if __name__ == "__main__":
    main()
