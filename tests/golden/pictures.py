"""What Pillow and transformers make of odd pictures: pictures.json.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 pillow==12.1.0 transformers==4.57.6
    venv/bin/python tests/golden/pictures.py > tests/golden/pictures.json

The pictures are made here, from a seed. `rgb` is the SHA-256 of what transformers.image_utils.load_image does: EXIF
orientation, then convert("RGB"). `pixels` are those of pixel_values, float32 in memory order, of several processors.
"""

import base64
import hashlib
import io
import json
import struct
import sys
import zlib

import numpy as np
import PIL
import transformers
from PIL import Image, ImageOps
from transformers import CLIPImageProcessor, Gemma3ImageProcessor, Qwen2VLImageProcessor
from transformers.models.llava.image_processing_llava import LlavaImageProcessor
from transformers.models.smolvlm.image_processing_smolvlm import SmolVLMImageProcessor

random = np.random.default_rng(20)
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def smooth(height, width, channels):
    """Waves with a little noise: compresses as photographs do."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (3 + 2 * c)) * np.cos(y / (5 + c)) for c in range(channels)]
    values = 128 + 90 * np.stack(waves, axis=-1) + random.normal(0, 12, (height, width, channels))
    return values.clip(0, 255).astype(np.uint8)


def pack(samples, depth):
    """Rows [height, samples] as PNG has them, each with a filter of its own."""
    if depth == 16:
        rows = [row.astype(">u2").tobytes() for row in samples]
    elif depth == 8:
        rows = [row.astype(np.uint8).tobytes() for row in samples]
    else:
        bits = [np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:].reshape(-1) for row in samples]
        rows = [np.packbits(row).tobytes() for row in bits]
    return b"".join(b"\0" + row for row in rows)


def png(samples, depth, colour, interlaced=False, extra=()):
    """samples [height, width, samples of a pixel]; Pillow writes neither Adam7 nor all depths."""
    height, width = samples.shape[:2]
    flat = lambda part: part.reshape(part.shape[0], -1)
    if interlaced:
        parts = [samples[y::down, x::across] for x, y, across, down in PASSES]
        data = b"".join(pack(flat(part), depth) for part in parts if part.size)
    else:
        data = pack(flat(samples), depth)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    chunks = [chunk(b"IHDR", header), *[chunk(kind, body) for kind, body in extra]]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def pictures():
    photo = Image.fromarray(smooth(41, 61, 3))
    noise = lambda shape, most: random.integers(0, most, shape, dtype=np.uint16)
    yield "dot.png", saved(Image.fromarray(smooth(1, 1, 3)), "PNG")
    yield "photo.png", saved(photo, "PNG")
    yield "panorama.png", saved(Image.fromarray(smooth(7, 300, 3)), "PNG")
    yield "pole.png", saved(Image.fromarray(smooth(211, 3, 3)), "PNG")
    yield "grey.png", saved(photo.convert("L"), "PNG")
    yield "grey-alpha.png", saved(photo.convert("LA"), "PNG")
    yield "alpha.png", saved(Image.fromarray(smooth(33, 20, 4), "RGBA"), "PNG")
    yield "black-white.png", saved(photo.convert("1"), "PNG")
    for bits, colours in ((1, 2), (2, 4), (4, 13), (8, 200)):
        yield f"palette{bits}.png", saved(photo.quantize(colours), "PNG", bits=bits)
    yield "palette-clear.png", saved(photo.quantize(9), "PNG", transparency=3)
    yield "grey2.png", png(noise((9, 13, 1), 4), 2, 0)
    yield "grey4.png", png(noise((9, 13, 1), 16), 4, 0)
    yield "grey16.png", png(noise((21, 19, 1), 400), 16, 0)
    yield "rgb16.png", png(noise((21, 19, 3), 65536), 16, 2)
    yield "rgba16.png", png(noise((21, 19, 4), 65536), 16, 6)
    yield "grey-alpha16.png", png(noise((21, 19, 2), 65536), 16, 4)
    yield "laced.png", png(smooth(23, 29, 3), 8, 2, interlaced=True)
    yield "laced1.png", png(noise((11, 13, 1), 2), 1, 0, interlaced=True)
    yield "laced-small.png", png(smooth(2, 3, 3), 8, 2, interlaced=True)
    yield "clear-colour.png", png(smooth(9, 9, 3), 8, 2, extra=[(b"tRNS", struct.pack(">HHH", 1, 2, 3))])
    yield "turned.png", saved(photo, "PNG", exif=exif(6))
    for sampling in (0, 1, 2):
        yield f"sampled{sampling}.jpg", saved(photo, "JPEG", quality=92, subsampling=sampling)
    yield "coarse.jpg", saved(photo, "JPEG", quality=12)
    yield "progressive.jpg", saved(photo, "JPEG", quality=80, progressive=True)
    yield "grey.jpg", saved(photo.convert("L"), "JPEG", quality=90)
    yield "rgb.jpg", saved(photo, "JPEG", quality=90, keep_rgb=True)
    for orientation in range(1, 9):
        yield f"turned{orientation}.jpg", saved(photo, "JPEG", quality=90, exif=exif(orientation))


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def processors():
    clip = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    # The cut is larger than what the shorter side becomes: black is put around.
    padded = CLIPImageProcessor(size={"shortest_edge": 17}, crop_size={"height": 28, "width": 28})
    squashed = CLIPImageProcessor(size={"height": 28, "width": 28}, do_center_crop=False, resample=2)
    tiled = SmolVLMImageProcessor(size={"longest_edge": 100}, max_image_size={"longest_edge": 28})
    whole = SmolVLMImageProcessor(size={"longest_edge": 50}, max_image_size={"longest_edge": 28}, do_image_splitting=False)
    square = LlavaImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, do_pad=True)
    gemma = Gemma3ImageProcessor(size={"height": 28, "width": 28}, do_pan_and_scan=None)
    grid = Qwen2VLImageProcessor(patch_size=4, merge_size=2, min_pixels=400, max_pixels=2000)
    return {"square": square, "gemma": gemma, "grid": grid, "clip": clip, "padded": padded, "squashed": squashed, "tiled": tiled, "whole": whole}


def main():
    cases = []
    for name, data in pictures():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        array = np.asarray(image)
        pixels = {}
        for kind, processor in processors().items():
            if kind == "grid" and max(image.size) > 200 * min(image.size):
                continue
            values = processor(array, input_data_format="channels_last", return_tensors="np")["pixel_values"]
            pixels[kind] = {"shape": list(values.shape), "sha256": digest(values.astype(np.float32))}
        cases.append({
            "name": name, "data": base64.b64encode(data).decode(), "width": image.width, "height": image.height,
            "rgb": digest(array), "pixels": pixels,
        })
    sizes = []
    source = Image.fromarray(smooth(31, 43, 3))
    for width, height in ((43, 31), (43, 7), (5, 31), (1, 1), (100, 90), (44, 30), (13, 64), (7, 5)):
        for number, kind in ((1, "lanczos"), (2, "bilinear"), (3, "bicubic")):
            resized = np.asarray(source.resize((width, height), resample=number))
            sizes.append({"width": width, "height": height, "filter": kind, "sha256": digest(resized)})
    cmyk = saved(Image.fromarray(smooth(8, 8, 4), "CMYK"), "JPEG")
    versions = {"PIL": PIL.__version__, "numpy": np.__version__, "transformers": transformers.__version__}
    json.dump({
        "versions": versions,
        "configs": {kind: processor.to_dict() for kind, processor in processors().items()},
        "cases": cases,
        "resized": {"source": base64.b64encode(saved(source, "PNG")).decode(), "sizes": sizes},
        "cmyk": base64.b64encode(cmyk).decode(),
    }, sys.stdout, separators=(",", ":"))
    print()


main()
