"""Trains a small OPT or Falcon with ReLU on plain text and writes it as a Hugging Face folder.

Usage: python3 train.py opt|falcon IDS.json TOKENIZER.json FOLDER [MINUTES]

IDS.json is what `flashrow tokenize TOKENIZER --file TEXT --json` prints of a text whose documents are apart by <|endoftext|> (id 0).
Needs PyTorch (Debian: python3-torch); bf16 autocast, because float32 is far slower on a CPU. One thread, so that the machine stays usable.
"""
import json
import math
import struct
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

VOCAB, HIDDEN, LAYERS, HEADS, CONTEXT = 4096, 192, 6, 6, 256
FFN, HEAD_DIM = 4 * HIDDEN, HIDDEN // HEADS
BATCH, PEAK_RATE, WARMUP, L1 = 16, 3e-3, 100, 0.03


def rotate(x):
    """x [batch, heads, tokens, head_dim]; halves turn together."""
    half = HEAD_DIM // 2
    angles = torch.arange(x.shape[2])[:, None] * 10000.0 ** (-2 * torch.arange(half) / HEAD_DIM)
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


def attend(q, k, v):
    scores = q @ k.transpose(-1, -2) / math.sqrt(HEAD_DIM)
    future = torch.triu(torch.ones(q.shape[2], q.shape[2], dtype=torch.bool), 1)
    mixed = scores.masked_fill(future, float('-inf')).softmax(-1) @ v
    return mixed.transpose(1, 2).reshape(q.shape[0], q.shape[2], HIDDEN)


class OptLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)
        self.self_attn = nn.ModuleDict({f'{n}_proj': nn.Linear(HIDDEN, HIDDEN) for n in ('q', 'k', 'v', 'out')})
        self.fc1, self.fc2 = nn.Linear(HIDDEN, FFN), nn.Linear(FFN, HIDDEN)

    def forward(self, x):
        y = self.self_attn_layer_norm(x)
        q, k, v = (self.self_attn[f'{n}_proj'](y).view(*y.shape[:2], HEADS, HEAD_DIM).transpose(1, 2) for n in 'qkv')
        x = x + self.self_attn['out_proj'](attend(q, k, v))
        active = F.relu(self.fc1(self.final_layer_norm(x)))
        return x + self.fc2(active), active


class FalconLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(HIDDEN)
        attention = {'query_key_value': nn.Linear(HIDDEN, HIDDEN + 2 * HEAD_DIM, bias=False), 'dense': nn.Linear(HIDDEN, HIDDEN, bias=False)}
        self.self_attention = nn.ModuleDict(attention)
        mlp = {'dense_h_to_4h': nn.Linear(HIDDEN, FFN, bias=False), 'dense_4h_to_h': nn.Linear(FFN, HIDDEN, bias=False)}
        self.mlp = nn.ModuleDict(mlp)

    def forward(self, x):
        y = self.input_layernorm(x)
        fused = self.self_attention['query_key_value'](y).view(*y.shape[:2], HEADS + 2, HEAD_DIM).transpose(1, 2)
        mixed = attend(rotate(fused[:, :HEADS]), rotate(fused[:, HEADS : HEADS + 1]), fused[:, HEADS + 1 :])
        active = F.relu(self.mlp['dense_h_to_4h'](y))
        return x + self.self_attention['dense'](mixed) + self.mlp['dense_4h_to_h'](active), active


class Model(nn.Module):
    def __init__(self, family):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, HIDDEN)
        self.positions = nn.Embedding(CONTEXT + 2, HIDDEN) if family == 'opt' else None
        self.layers = nn.ModuleList((OptLayer if family == 'opt' else FalconLayer)() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(HIDDEN)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids):
        x, active = self.embedding(ids), []
        if self.positions is not None:
            x = x + self.positions(torch.arange(ids.shape[1]) + 2)
        for layer in self.layers:
            x, woken = layer(x)
            active.append(woken)
        return F.linear(self.norm(x), self.embedding.weight), active


def config(family):
    shared = dict(hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, vocab_size=VOCAB, max_position_embeddings=CONTEXT)
    ids = dict(bos_token_id=0, eos_token_id=0, pad_token_id=0, torch_dtype='float16', tie_word_embeddings=True)
    if family == 'opt':
        return dict(
            architectures=['OPTForCausalLM'], model_type='opt', **shared, ffn_dim=FFN, word_embed_proj_dim=HIDDEN, do_layer_norm_before=True,
            activation_function='relu', enable_bias=True, layer_norm_elementwise_affine=True, _remove_final_layer_norm=False, **ids,
        )
    return dict(
        architectures=['FalconForCausalLM'], model_type='falcon', **shared, ffn_hidden_size=FFN, multi_query=True, parallel_attn=True,
        new_decoder_architecture=False, bias=False, alibi=False, activation='relu', layer_norm_epsilon=1e-5, rope_theta=10000.0, **ids,
    )


def published_names(family, model):
    """Tensors under the names that transformers gives them."""
    prefix = 'model.decoder.' if family == 'opt' else 'transformer.'
    top = dict(
        opt={'embedding': 'embed_tokens', 'positions': 'embed_positions', 'layers': 'layers', 'norm': 'final_layer_norm'},
        falcon={'embedding': 'word_embeddings', 'layers': 'h', 'norm': 'ln_f'},
    )[family]
    for name, value in model.state_dict().items():
        first, rest = name.split('.', 1)
        yield f'{prefix}{top[first]}.{rest}', value.half().contiguous()


def save(family, model, tokenizer, folder):
    header, data = {}, b''
    for name, value in published_names(family, model):
        raw = value.numpy().tobytes()
        header[name] = dict(dtype='F16', shape=list(value.shape), data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    open(f'{folder}/model.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + data)
    json.dump(config(family), open(f'{folder}/config.json', 'w'), indent=1)
    open(f'{folder}/tokenizer.json', 'w').write(open(tokenizer).read())


def main(family, ids_path, tokenizer, folder, minutes):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    ids = torch.tensor(json.load(open(ids_path))['tokens'])
    model = Model(family)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    print(f'{sum(p.numel() for p in model.parameters()):,} parameters, {len(ids):,} tokens', flush=True)
    began, step = time.time(), 0
    while (done := (time.time() - began) / (60 * minutes)) < 1:
        rate = PEAK_RATE * min(1, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group['lr'] = rate
        starts = torch.randint(len(ids) - CONTEXT - 1, (BATCH,))
        batch = torch.stack([ids[s : s + CONTEXT + 1] for s in starts.tolist()])
        with torch.autocast('cpu', torch.bfloat16):
            logits, active = model(batch[:, :-1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())
        # As in ProSparse (arXiv 2402.13516), ramped over the first half: activations that do little become zero.
        sparse = L1 * min(1, 2 * done) * sum(woken.float().mean() for woken in active)
        optimizer.zero_grad()
        (loss + sparse).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            shares = ' '.join(f'{100 * (woken > 0).float().mean():.0f}%' for woken in active)
            print(f'step {step}, {100 * done:.0f}%, loss {loss.item():.3f}, active {shares}', flush=True)
        step += 1
    save(family, model, tokenizer, folder)
    print(f'{step} steps of {BATCH * CONTEXT} tokens', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]) if len(sys.argv) > 5 else 15)
