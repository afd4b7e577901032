"""What PyTorch and transformers make of small models with eyes: transformers-vision.json.

    python3 tests/golden/transformers_vision.py > tests/golden/transformers-vision.json

Made with Python 3.11, torch 2.6.0 (f32, CPU, one thread), transformers 4.57.6, Pillow 12.1.0, numpy 2.4.6. Weights come from their names,
as `weights` of gemma3_vision.py makes them, so that the tests have the same. Gemma 3 and Ferret are those of gemma3_vision.py and
ferret.py; of Ferret the tower and the text half are transformers' own classes, as transformers has no class for all of it.
"""

import json

import numpy as np
import torch
import transformers
from ferret import STAND_IN, TEXT as FERRET_TEXT, VISION as FERRET_VISION
from gemma3_vision import TEXT, TOKENS, VISION, weights
from PIL import Image
from transformers import (CLIPVisionConfig, CLIPVisionModel, Gemma3Config, Gemma3ForConditionalGeneration, LlamaConfig, LlamaForCausalLM,
                          Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration)

SHOWN = 40


def fill(model, name_of=lambda name: name, offset_of=lambda name: 1):
    """Gives each tensor the values of its name: norms around `offset_of`, matrices by their width, tables as they are."""
    filled = set()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            name, shape = name_of(key), tuple(tensor.shape)
            # A head that is tied to the embedding keeps its values.
            if "position_ids" in name or tensor.data_ptr() in filled:
                continue
            filled.add(tensor.data_ptr())
            scale, offset = 1.0, 0.0
            if name.endswith("bias"):
                scale = 0.2
            elif len(shape) == 1 and "class_embedding" not in name:
                offset = offset_of(name)
                scale = 1.0 if offset else 0.4
            elif len(shape) > 2:
                scale = 0.5
            elif not any(table in name for table in ("embed", "input_projection_weight")):
                scale = 3.4 / np.sqrt(shape[1])
            tensor.copy_(torch.from_numpy(weights(name, *shape, scale=scale, offset=offset).astype(np.float32)))
    return model.eval()


def noise(width, height):
    """A picture of samples that are not alike."""
    return (np.arange(3 * width * height) * 7919 % 256).astype(np.uint8).reshape(height, width, 3)


def lnp_of(logits):
    return [[round(float(one), 6) for one in row[:SHOWN]] for row in torch.log_softmax(logits[0].double(), -1)]


def flat(features):
    return [round(float(one), 6) for one in features.reshape(-1)]


def gemma3():
    begin, image, end = 297, 298, 299
    config = Gemma3Config(
        vision_config={"image_size": VISION["size"], "patch_size": VISION["patch"], "hidden_size": VISION["hidden"],
                       "intermediate_size": VISION["inner"], "num_attention_heads": VISION["heads"], "num_hidden_layers": VISION["layers"],
                       "layer_norm_eps": VISION["eps"], "vision_use_head": False},
        text_config={"vocab_size": TEXT["vocab"], "hidden_size": TEXT["hidden"], "intermediate_size": TEXT["inner"],
                     "head_dim": TEXT["dim"], "num_attention_heads": TEXT["heads"], "num_key_value_heads": TEXT["kv"],
                     "num_hidden_layers": TEXT["layers"], "sliding_window": TEXT["window"], "query_pre_attn_scalar": TEXT["dim"],
                     "max_position_embeddings": 512},
        mm_tokens_per_image=TOKENS, image_token_index=image, boi_token_index=begin, eoi_token_index=end)

    def name_of(key):
        key = key.removeprefix("model.")
        return key.replace("language_model.", "language_model.model.", 1) if key.startswith("language_model.") else key

    model = Gemma3ForConditionalGeneration(config)
    own_norms = ("layernorm", "layer_norm")
    fill(model, name_of, lambda name: 1 if name.startswith("vision") and any(one in name for one in own_norms) else 0)
    size = VISION["size"]
    pixels = torch.from_numpy(((noise(size, size) / 255 - 0.5) / 0.5).transpose(2, 0, 1)).float()[None]
    block = [10, 11, begin, *[image] * TOKENS, end, 12, 13]
    cases = [[1, 20, 21, *block, 22, 23, 24], [1, *block, *block, 30], [1, *range(40, 70), *block, 25, 26]]
    answers = []
    with torch.no_grad():
        features = model.get_image_features(pixels)
        for ids in cases:
            count = sum(one == image for one in ids) // TOKENS
            given = torch.tensor([ids])
            logits = model(input_ids=given, pixel_values=pixels.repeat(count, 1, 1, 1), token_type_ids=(given == image).long()).logits
            answers.append({"ids": ids, "lnp": lnp_of(logits)})
    return {"features": flat(features), "cases": answers}


def ferret():
    vision, text = FERRET_VISION, FERRET_TEXT
    tower = fill(CLIPVisionModel(CLIPVisionConfig(
        image_size=vision["size"], patch_size=vision["patch"], hidden_size=vision["hidden"], intermediate_size=vision["inner"],
        num_attention_heads=vision["heads"], num_hidden_layers=vision["layers"], layer_norm_eps=vision["eps"], hidden_act="quick_gelu")))
    half = fill(LlamaForCausalLM(LlamaConfig(
        vocab_size=text["vocab"], hidden_size=text["hidden"], intermediate_size=text["inner"], num_attention_heads=text["heads"],
        num_hidden_layers=text["layers"], rms_norm_eps=text["eps"], max_position_embeddings=512)))
    projector = fill(torch.nn.Linear(vision["hidden"], text["hidden"]), lambda name: f"model.mm_projector.{name}")
    mean, deviation = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    pixels = ((noise(vision["size"], vision["size"]) / 255 - mean) / deviation).transpose(2, 0, 1)
    with torch.no_grad():
        seen = tower(torch.from_numpy(pixels).float()[None], output_hidden_states=True).hidden_states[-2][:, 1:]
        features = projector(seen)[0]
        ids = torch.tensor([[5, 6, *[STAND_IN] * len(features), 7, 8, 9]])
        given = half.get_input_embeddings()(ids).clone()
        given[0, ids[0] == STAND_IN] = features
        logits = half(inputs_embeds=given).logits
    return {"features": flat(features), "lnp": lnp_of(logits)}


QWEN_VISION = {"depth": 4, "hidden_size": 32, "intermediate_size": 40, "num_heads": 4, "patch_size": 4, "spatial_merge_size": 2,
               "temporal_patch_size": 2, "out_hidden_size": 32, "num_position_embeddings": 25, "deepstack_visual_indexes": [0, 2]}
QWEN_TEXT = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,
             "head_dim": 16, "num_hidden_layers": 3, "rope_theta": 5000.0, "max_position_embeddings": 512,
             "rope_scaling": {"rope_type": "default", "mrope_section": [3, 3, 2], "mrope_interleaved": True}}
QWEN_IDS = {"image_token_id": 298, "video_token_id": 296, "vision_start_token_id": 297, "vision_end_token_id": 299}
PIXELS = {"min_pixels": 256, "max_pixels": 2048}
# Some are of the tower's multiples, some are not; one is small, one large, one long.
PICTURES = [[24, 16], [37, 21], [1, 1], [90, 70], [200, 9]]


def qwen3vl():
    model = fill(Qwen3VLForConditionalGeneration(Qwen3VLConfig(vision_config=QWEN_VISION, text_config=QWEN_TEXT, **QWEN_IDS)))
    processor = Qwen2VLImageProcessor(patch_size=4, merge_size=2, **PIXELS)
    looked = [processor([Image.fromarray(noise(*size))], return_tensors="pt", input_data_format="channels_last") for size in PICTURES]
    begin, image, end = 297, 298, 299
    answers = []

    def block(which):
        return [begin, *[image] * (int(looked[which]["image_grid_thw"].prod()) // 4), end]

    cases = [([], [1, 20, 21, 22]), ([0], [1, 20, *block(0), 22, 23, 24]), ([1], [*block(1), 30, 31]), ([2], [1, *block(2), 9]),
             ([3, 0], [1, *block(3), 5, 6, *block(0), 40, 41]), ([4, 1], [7, *range(40, 70), *block(4), 3, *block(1), 25, 26])]
    with torch.no_grad():
        for pictures, ids in cases:
            given = {"input_ids": torch.tensor([ids])}
            if pictures:
                given["pixel_values"] = torch.cat([looked[which]["pixel_values"] for which in pictures])
                given["image_grid_thw"] = torch.cat([looked[which]["image_grid_thw"] for which in pictures])
            logits = model(**given).logits
            then = model.generate(**given, max_new_tokens=6, do_sample=False, eos_token_id=None, pad_token_id=0)[0][len(ids):]
            answers.append({"pictures": pictures, "ids": ids, "lnp": lnp_of(logits), "then": then.tolist()})
        seen = []
        for one in looked:
            features, deep = model.model.get_image_features(one["pixel_values"], one["image_grid_thw"])
            rows = torch.stack([features[0], *deep], 1)
            seen.append({"grid": one["image_grid_thw"][0].tolist(), "pixels": flat(one["pixel_values"][0][:48]), "shape": list(rows.shape),
                         "first": flat(rows[0]), "last": flat(rows[-1]), "mean": float(rows.double().mean()), "std": float(rows.double().std())})
    return {"vision": QWEN_VISION, "text": QWEN_TEXT, "ids": QWEN_IDS, "processor": PIXELS, "pictures": PICTURES, "seen": seen,
            "cases": answers}


def main():
    torch.set_num_threads(1)
    print(json.dumps({"versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "gemma3": gemma3(),
                      "ferret": ferret(), "qwen3vl": qwen3vl()}, separators=(",", ":")))


if __name__ == "__main__":
    main()
