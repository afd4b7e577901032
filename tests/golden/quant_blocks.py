"""Makes quant-blocks.json: what GGML's blocks hold, by the reference decoder (PyPI's gguf 0.19, numpy 2.4).

    pip install gguf numpy && python tests/golden/quant_blocks.py > tests/golden/quant-blocks.json

Blocks are of random bits, with scales of ordinary size. The test makes the same bits.
"""

import hashlib
import json

import numpy as np
from gguf import GGMLQuantizationType, quants

BLOCKS = 1024
# name: bytes of a block, and where its halves are
FORMATS = {
    "q4_0": (18, [0]),
    "q4_1": (20, [0, 2]),
    "q5_0": (22, [0]),
    "q5_1": (24, [0, 2]),
    "q8_0": (34, [0]),
    "q2_K": (84, [80, 82]),
    "q3_K": (110, [108]),
    "q4_K": (144, [0, 2]),
    "q5_K": (176, [0, 2]),
    "q6_K": (210, [208]),
    "iq4_nl": (18, [0]),
    "iq4_xs": (136, [0]),
    "bf16": (2, []),
}


def random_bytes(count):
    """The high bytes of a linear congruential generator (Numerical Recipes, 32 bits)."""
    state, out = 1, bytearray(count)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return np.frombuffer(bytes(out), dtype=np.uint8)


def blocks_of(name):
    size, halves = FORMATS[name]
    blocks = random_bytes(BLOCKS * size).reshape(BLOCKS, size).copy()
    # Exponents of 8 to 15 of 31, of either sign.
    for half in halves:
        blocks[:, half + 1] = blocks[:, half + 1] & 0x9F | 0x20
    return blocks


golden = {}
for name in FORMATS:
    decoded = quants.dequantize(blocks_of(name), GGMLQuantizationType[name.upper()])
    weights = np.ascontiguousarray(decoded.astype(np.float32), dtype="<f4")
    # NaN has many bits.
    weights = np.where(np.isnan(weights), np.float32(0), weights)
    golden[name] = {
        "halves": FORMATS[name][1],
        "first": [float(w) for w in weights.reshape(-1)[:8]],
        "sha256": hashlib.sha256(weights.tobytes()).hexdigest(),
    }
print(json.dumps({"blocks": BLOCKS, "formats": golden}, indent=1))
