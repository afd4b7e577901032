"""Makes grid-blocks.json: what GGML's blocks of few bits hold, by the reference decoder (PyPI's gguf 0.19, numpy 2.4).

    pip install gguf numpy && python tests/golden/grid_blocks.py > tests/golden/grid-blocks.json

Blocks are of random bits, with scales of ordinary size, so many that every point of every grid comes up. The test makes
the same bits. gguf has no Q1_0 and Q2_0: they are decoded here, from their layout in ggml-common.h (a half, then 128
bits, set for plus; a half, then 64 pairs of bits for -1, 0, 1 and 2).
"""

import hashlib
import json

import numpy as np
from gguf import GGMLQuantizationType, quants

BLOCKS = 1024
# name: bytes of a block, and where its half is (none: not at one place)
FORMATS = {
    "iq2_xxs": (66, 0),
    "iq2_xs": (74, 0),
    "iq3_xxs": (98, 0),
    "iq1_s": (50, 0),
    "iq3_s": (110, 0),
    "iq2_s": (82, 0),
    "iq1_m": (56, None),
    "tq1_0": (54, 52),
    "tq2_0": (66, 64),
    "nvfp4": (36, None),
    "q1_0": (18, 0),
    "q2_0": (18, 0),
}


def random_bytes(count):
    """The high bytes of a linear congruential generator (Numerical Recipes, 32 bits)."""
    state, out = 1, bytearray(count)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return np.frombuffer(bytes(out), dtype=np.uint8).reshape(-1)


def blocks_of(name):
    size, half = FORMATS[name]
    blocks = random_bytes(BLOCKS * size).reshape(BLOCKS, size).copy()
    # Exponents of 8 to 15 of 31, of either sign.
    if half is not None:
        blocks[:, half + 1] = blocks[:, half + 1] & 0x9F | 0x20
    if name == "iq1_m":
        blocks[:, 55] = blocks[:, 55] & 0x9F | 0x20
    return blocks


def decode(name, blocks):
    if name == "q1_0":
        scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
        bits = np.unpackbits(blocks[:, 2:], axis=1, bitorder="little")
        return np.where(bits == 1, scale, -scale)
    if name == "q2_0":
        scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
        pairs = (blocks[:, 2:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8)) & 3
        return scale * (pairs.reshape(BLOCKS, 64).astype(np.float32) - 1)
    return quants.dequantize(blocks, GGMLQuantizationType[name.upper()]).astype(np.float32)


golden = {}
for name in FORMATS:
    weights = np.ascontiguousarray(decode(name, blocks_of(name)), dtype="<f4")
    golden[name] = {
        "first": [float(w) for w in weights.reshape(-1)[:16]],
        "weights": weights.size,
        "sha256": hashlib.sha256(weights.tobytes()).hexdigest(),
    }
print(json.dumps({"blocks": BLOCKS, "formats": golden}, indent=1))
