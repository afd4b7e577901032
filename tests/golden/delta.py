"""A base model and a delta in files of PyTorch, and their sum by numpy: delta.json.

    python3 tests/golden/delta.py > tests/golden/delta.json

The files are made as torch.save makes them (torch/serialization.py, 2.x): Python's own pickler, protocol 2, over stand-ins
with the names of torch's classes, and a zip archive without compression. The sums are numpy's, in float32, rounded to
the format of the delta.
"""

import base64
import io
import json
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules |= {"torch": torch, "torch._utils": utils}
STORAGES = {"<f2": "HalfStorage", "<f4": "FloatStorage", "<i8": "LongStorage", "bf16": "BFloat16Storage"}
for name in STORAGES.values():
    setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))


def _rebuild_tensor_v2(*_):
    raise AssertionError("never run")


def _rebuild_parameter(*_):
    raise AssertionError("never run")


for function in (_rebuild_tensor_v2, _rebuild_parameter):
    function.__module__ = "torch._utils"
    setattr(utils, function.__name__, function)


class Storage:
    def __init__(self, kind, data):
        self.kind, self.data = kind, data


class Tensor:
    """As torch's: a part of a storage, row after row unless `strides` say otherwise."""

    def __init__(self, storage, shape, offset=0, strides=None):
        self.storage, self.shape, self.offset = storage, tuple(shape), offset
        self.strides = strides or tuple(int(np.prod(shape[at + 1:])) for at in range(len(shape)))

    def __reduce__(self):
        return (_rebuild_tensor_v2, (self.storage, self.offset, self.shape, self.strides, False, OrderedDict()))


class Parameter(Tensor):
    def __reduce__(self):
        return (_rebuild_parameter, (Tensor(self.storage, self.shape), True, OrderedDict()))


class Evil:
    def __reduce__(self):
        return (os.system, ("echo gone",))




def tensor(array):
    return Tensor(Storage(array.dtype.str, array.tobytes()), array.shape)


def to_bf16(array):
    """To the nearest, ties to even."""
    bits = array.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def from_bf16(bits):
    return (bits.astype("<u4") << 16).view("<f4")


def save(state, root="archive", compression=zipfile.ZIP_STORED, byteorder=b"little", protocol=2, more=()):
    storages, out = [], io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            if value not in storages:
                storages.append(value)
            name = STORAGES[value.kind]
            size = {"<f2": 2, "bf16": 2, "<f4": 4, "<i8": 8}[value.kind]
            return ("storage", getattr(torch, name), str(storages.index(value)), "cpu", len(value.data) // size)

    Pickler(out, protocol=protocol).dump(state)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression) as file:
        entries = [("data.pkl", out.getvalue()), ("byteorder", byteorder),
                   *((f"data/{at}", storage.data) for at, storage in enumerate(storages)),
                   ("version", b"3\n"), *more]
        for name, data in entries:
            file.writestr(zipfile.ZipInfo(f"{root}/{name}"), data, compression)
    return base64.b64encode(archive.getvalue()).decode()


def state_dict(tensors):
    """With what a module's state_dict() has beside: an attribute that pickle sets by BUILD."""
    state = OrderedDict(tensors)
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


def main():
    random = np.random.default_rng(5)

    def weights(*shape, scale=1.0, kind="<f2"):
        return (random.standard_normal(shape) * scale).astype(kind)

    base = {
        "model.embed_tokens.weight": weights(6, 4), "lm_head.weight": weights(6, 4),
        "model.layers.0.self_attn.q_proj.weight": weights(300, 7),
        "model.norm.weight": weights(4),
    }
    delta = {
        "model.embed_tokens.weight": weights(8, 4, scale=0.1), "lm_head.weight": weights(8, 4, scale=1e-6),
        "model.layers.0.self_attn.q_proj.weight": weights(300, 7, scale=0.01),
        "model.norm.weight": weights(4, kind="<f4"),
        "model.mm_projector.weight": weights(4, 3), "model.region_geo_sampler.flatten_projector.bias": weights(5),
    }
    # Sums that lie between two numbers of float16, and such below its least normal one.
    base["model.norm.weight"][:2] = [1.0, 2.0**-20]
    base["model.layers.0.self_attn.q_proj.weight"][0, :4] = [1.0, 1.0, 2.0**-14, 1000.0]
    delta["model.layers.0.self_attn.q_proj.weight"][0, :4] = [2.0**-11, 3 * 2.0**-11, -(2.0**-24), 0.25]
    merged = {}
    for name, change in delta.items():
        total = change.copy()
        if name in base:
            own = base[name].astype(change.dtype)
            rows = len(own)
            total[:rows] = (change[:rows].astype("<f4") + own.astype("<f4")).astype(change.dtype)
        merged[name] = total
    brain = to_bf16(weights(3, 5, kind="<f4"))
    own = weights(3, 5)
    brain_sum = to_bf16(from_bf16(brain) + from_bf16(to_bf16(own.astype("<f4"))))
    shared = Storage("<f2", weights(12).tobytes())
    names = list(delta)
    inverse = ("model.layers.0.self_attn.rotary_emb.inv_freq", tensor(weights(2, kind="<f4")))
    hexed = {name: array.tobytes().hex() for name, array in merged.items()}
    print(json.dumps({
        "base": save(state_dict([*((name, tensor(array)) for name, array in base.items()), inverse])),
        "delta": [
            save(state_dict([*((name, tensor(delta[name])) for name in part), *rest]), root="pytorch_model")
            for part, rest in ((names[:2], [inverse]), (names[2:], []))
        ],
        "deltaNames": [names[:2], names[2:]],
        "shapes": {name: array.shape for name, array in merged.items()},
        "merged": hexed,
        "bf16": {
            "base": save({"a": tensor(own)}), "sum": brain_sum.tobytes().hex(),
            "delta": save({"a": Tensor(Storage("bf16", brain.tobytes()), (3, 5))}),
        },
        "views": {
            "file": save({"first": Tensor(shared, (2, 3)), "second": Tensor(shared, (1, 6), 6, (99, 1)),
                          "parameter": Parameter(shared, (12,))}, protocol=4),
            "bytes": shared.data.hex(),
        },
        "hostile": {
            "posix.system": save({"a": Evil()}),
            "which is no tensor": save({"model": {"a": tensor(weights(2))}}),
            "turned or spread": save({"a": Tensor(shared, (3, 2), 0, (1, 3))}),
            "compressed": save({"a": tensor(weights(200))}, compression=zipfile.ZIP_DEFLATED),
            "big-endian": save({"a": tensor(weights(2))}, byteorder=b"big"),
            "TorchScript": save({"a": tensor(weights(2))}, more=[("constants.pkl", b"")]),
            "no state dict: no names": save([tensor(weights(2))]),
            "not what its shape asks for": save({"a": Tensor(shared, (5, 3))}),
            "before 1.6": base64.b64encode(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.").decode(),
            "LongStorage": save({"a": tensor(np.arange(3))}),
        },
    }, separators=(",", ":")))


if __name__ == "__main__":
    main()
