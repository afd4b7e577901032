"""What llama.cpp's files call the tensors of models with pictures: mmproj-names.json.

    python3 tests/golden/mmproj_names.py > tests/golden/mmproj-names.json

By gguf-py's own tables (gguf 0.19.0, tensor_mapping.py). Where llama.cpp's converters rename a tensor before they look it up, so does
this script: the projector of LLaVA (tools/mtmd/legacy-models/convert_image_encoder_to_gguf.py), merger and deepstack of Qwen3-VL
(conversion/qwen3vl.py), text halves without what stands before `model.` (conversion/base.py).
"""

import json

import gguf

LAYERS = 6
CLIP_LAYER = [f"{name}.{part}" for name in (
    "layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2", *(f"self_attn.{one}_proj" for one in ("q", "k", "v", "out"))
) for part in ("weight", "bias")]
LLAMA_LAYER = [f"{name}.weight" for name in (
    "input_layernorm", "post_attention_layernorm", *(f"self_attn.{one}_proj" for one in "qkvo"),
    *(f"mlp.{one}_proj" for one in ("gate", "up", "down")))]
GEMMA_LAYER = [*LLAMA_LAYER, *(f"{name}.weight" for name in (
    "pre_feedforward_layernorm", "post_feedforward_layernorm", "self_attn.q_norm", "self_attn.k_norm"))]
QWEN_BLOCK = [f"{name}.{part}" for name in ("norm1", "norm2", "attn.qkv", "attn.proj", "mlp.linear_fc1", "mlp.linear_fc2")
              for part in ("weight", "bias")]


def tower(prefix, more):
    layers = [f"{prefix}encoder.layers.{i}.{name}" for i in range(LAYERS) for name in CLIP_LAYER]
    return [f"{prefix}{name}" for name in more] + layers


CLIP = ["embeddings.class_embedding", "embeddings.patch_embedding.weight", "embeddings.position_embedding.weight",
        *(f"{norm}.{part}" for norm in ("pre_layrnorm", "post_layernorm") for part in ("weight", "bias"))]
SIGLIP = ["embeddings.patch_embedding.weight", "embeddings.patch_embedding.bias", "embeddings.position_embedding.weight",
          "post_layernorm.weight", "post_layernorm.bias"]
MERGER = [f"{name}.{part}" for name in ("norm", "linear_fc1", "linear_fc2") for part in ("weight", "bias")]


def look_up(names, architecture, before=lambda name: name):
    table = gguf.get_tensor_name_map(architecture, LAYERS)
    return {name: table.get_name(before(name), try_suffixes=(".weight", ".bias")) for name in names}


def text(prefix, layer, architecture):
    names = [f"{prefix}embed_tokens.weight", f"{prefix}norm.weight",
             *(f"{prefix}layers.{i}.{name}" for i in range(LAYERS) for name in layer)]
    heads = ["lm_head.weight", "language_model.lm_head.weight"]
    return look_up(names + heads, architecture,
                   lambda name: "model." + name[len(prefix):] if name.startswith(prefix) else name.replace("language_model.", ""))


def main():
    mmproj = gguf.MODEL_ARCH.MMPROJ
    llava = look_up(tower("vision_tower.vision_model.", CLIP), mmproj)
    llava |= {f"multi_modal_projector.linear_{i + 1}.{part}": f"mm.{2 * i}.{part}" for i in range(2) for part in ("weight", "bias")}
    smolvlm = look_up([*tower("model.vision_model.", SIGLIP), "model.connector.modality_projection.proj.weight"], mmproj)
    gemma3 = look_up([*tower("vision_tower.vision_model.", SIGLIP), "multi_modal_projector.mm_soft_emb_norm.weight",
                      "multi_modal_projector.mm_input_projection_weight"], mmproj, lambda name: name.replace("_weight", ".weight"))
    blocks = [f"model.visual.blocks.{i}.{name}" for i in range(LAYERS) for name in QWEN_BLOCK]
    qwen = look_up([*blocks, "model.visual.pos_embed.weight"], mmproj, lambda name: name.replace("model.", "", 1))
    qwen |= {f"model.visual.patch_embed.proj.{part}": f"v.patch_embd.{part}" for part in ("weight", "bias")}
    merged = {"norm": "v.post_ln", "linear_fc1": "mm.0", "linear_fc2": "mm.2"}
    stacked = {"norm": "norm", "linear_fc1": "fc1", "linear_fc2": "fc2"}
    for name, part in (one.split(".") for one in MERGER):
        qwen[f"model.visual.merger.{name}.{part}"] = f"{merged[name]}.{part}"
        for i in range(LAYERS):
            qwen[f"model.visual.deepstack_merger_list.{i}.{name}.{part}"] = f"v.deepstack.{i}.{stacked[name]}.{part}"
    arch = gguf.MODEL_ARCH
    text_of_qwen = text("model.language_model.", [*LLAMA_LAYER, "self_attn.q_norm.weight", "self_attn.k_norm.weight"], arch.QWEN3VL)
    print(json.dumps({
        "llava": {"mmproj": llava, "text": text("language_model.model.", LLAMA_LAYER, arch.LLAMA)},
        "smolvlm": {"mmproj": smolvlm, "text": text("model.text_model.", LLAMA_LAYER, arch.LLAMA)},
        "gemma3": {"mmproj": gemma3, "text": text("language_model.model.", GEMMA_LAYER, arch.GEMMA3)},
        "qwen3vl": {"mmproj": qwen, "text": text_of_qwen},
    }, indent=1))


if __name__ == "__main__":
    main()
