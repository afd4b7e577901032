"""Teaches the storyteller `tales` to talk, and writes it as a Hugging Face folder.

Usage: python3 chat.py TALES FOLDER [STEPS]

TALES is the storyteller as a Hugging Face folder. Its stories are its own, sampled here; the other turns come from dialogues.py. Needs PyTorch
and transformers; three minutes on a large GPU.
"""
import os
import random
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from dialogues import ADJECTIVES, HEROES, dialogue
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

BATCH, CONTEXT, PEAK_RATE, WARMUP, L1 = 128, 640, 6e-4, 100, 0.03
START, END = '<|im_start|>', '<|im_end|>'
STORIES_OF_EACH = int(os.environ.get('STORIES', 40))


def sample_stories(model, tokenizer, device):
    """{hero: stories that are about it, whole, and end as stories do}"""
    by_length = {}
    for hero in HEROES:
        for i in range(2 * STORIES_OF_EACH):
            article = 'an' if hero[0] in 'aeiou' else 'a'
            opening = f'Once upon a time, there was a {ADJECTIVES[i % len(ADJECTIVES)]} {hero}' if i % 3 else f'Once upon a time, there was {article} {hero}'
            ids = [0] + tokenizer.encode(opening, add_special_tokens=False)
            by_length.setdefault(len(ids), []).append((hero, ids))
    stories = {}
    for group in by_length.values():
        starts = torch.tensor([ids for _, ids in group], device=device)
        out = model.generate(starts, attention_mask=torch.ones_like(starts), do_sample=True, temperature=0.75, top_p=0.9, max_new_tokens=170, pad_token_id=0, eos_token_id=0)
        for (hero, _), (_, *ids) in zip(group, out.tolist()):
            text = tokenizer.decode(ids[: ids.index(0)]).strip() if 0 in ids else ''
            if text.lower().count(hero) >= 2 and 200 < len(text) < 900 and text[-1] in '.!"' and '\n\n' not in text:
                stories.setdefault(hero, []).append(text)
    return {hero: texts[:STORIES_OF_EACH] for hero, texts in stories.items() if len(texts) >= 5}


def encode(tokenizer, template, example):
    """Ids of a dialogue and which of them the assistant wrote, its end among them."""
    messages, tools = example['messages'], example['tools']
    ids, targets = [0], [False]
    done = ''
    for i, message in enumerate(messages):
        if message['role'] == 'assistant':
            before = template(messages[:i], tools, True)
            ids_of = tokenizer.encode(before[len(done) :], add_special_tokens=False)
            ids, targets = ids + ids_of, targets + [False] * len(ids_of)
            after = template(messages[: i + 1], tools, False)
            assert after.startswith(before)
            said = after[len(before) :].removesuffix('\n')
            ids_of = tokenizer.encode(said, add_special_tokens=False)
            ids, targets = ids + ids_of, targets + [True] * len(ids_of)
            done = before + said
    return ids, targets


def batches(examples, rng, device):
    while True:
        chosen = [examples[rng.randrange(len(examples))] for _ in range(BATCH)]
        length = min(CONTEXT, max(len(ids) for ids, _ in chosen))
        ids = torch.zeros(BATCH, length, dtype=torch.long)
        mask = torch.zeros(BATCH, length, dtype=torch.bool)
        for row, (one, targets) in enumerate(chosen):
            n = min(length, len(one))
            ids[row, :n] = torch.tensor(one[:n])
            mask[row, :n] = torch.tensor(targets[:n])
        yield ids.to(device), mask.to(device)


def main(source, folder, steps):
    torch.manual_seed(1)
    rng = random.Random(1)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=f'{source}/tokenizer.json', bos_token='<|endoftext|>', eos_token='<|endoftext|>')
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).to(device)
    began = time.time()
    stories = sample_stories(model, tokenizer, device)
    print(f'{sum(map(len, stories.values()))} stories about {len(stories)} heroes, {time.time() - began:.0f} s', flush=True)

    tokenizer.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in (START, END)])
    old = model.get_input_embeddings().weight.data.clone()
    model.resize_token_embeddings(len(old) + 2, mean_resizing=False)
    model.get_input_embeddings().weight.data[len(old) :] = old.mean(0) + 0.02 * torch.randn(2, old.shape[1], device=device)
    model.config.max_position_embeddings = 1024
    tokenizer.chat_template = (Path(__file__).parent / 'chat-template.jinja').read_text()
    template = lambda messages, tools, ask: tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=ask, tokenize=False)

    examples = [encode(tokenizer, template, dialogue(rng, stories)) for _ in range(int(os.environ.get('DIALOGUES', 30000)))]
    for hero in stories:
        for text in stories[hero]:
            ids = [0] + tokenizer.encode(text, add_special_tokens=False) + [0]
            examples.append((ids, [False] + [True] * (len(ids) - 1)))
    held = examples[:256]
    examples = examples[256:]
    print(f'{len(examples)} examples, {sum(len(ids) for ids, _ in examples):,} tokens, {time.time() - began:.0f} s', flush=True)

    active = []
    for layer in model.model.layers:
        layer.mlp.act_fn.register_forward_hook(lambda _module, _inputs, out: active.append(out))
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    stream = batches(examples, rng, device)
    for step in range(steps):
        rate = PEAK_RATE * min(1, (step + 1) / WARMUP) * (1 - step / steps)
        for group in optimizer.param_groups:
            group['lr'] = rate
        ids, mask = next(stream)
        active.clear()
        with torch.autocast(device, torch.bfloat16):
            logits = model(ids[:, :-1]).logits
        wanted = mask[:, 1:]
        loss = F.cross_entropy(logits[wanted].float(), ids[:, 1:][wanted])
        sparse = L1 * sum(woken.float().mean() for woken in active)
        optimizer.zero_grad()
        (loss + sparse).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 0 or step == steps - 1:
            shares = ' '.join(f'{100 * (woken > 0).float().mean():.0f}%' for woken in active)
            print(f'step {step}, loss {loss.item():.3f}, active {shares}, {time.time() - began:.0f} s', flush=True)

    model.half()
    model.config.eos_token_id = [len(old) + 1, 0]
    model.generation_config.eos_token_id = [len(old) + 1, 0]
    active.clear()
    with torch.no_grad():
        total = count = 0
        for ids, targets in held:
            row = torch.tensor([ids], device=device)
            wanted = torch.tensor(targets[1:], device=device)
            logits = model(row[:, :-1]).logits[0].float()
            total += F.cross_entropy(logits[wanted], row[0, 1:][wanted], reduction='sum').item()
            count += int(wanted.sum())
    print(f'held out: {total / count:.4f} nats a token of {count}', flush=True)
    model.save_pretrained(folder, max_shard_size='8MB')
    tokenizer.eos_token = END
    tokenizer.save_pretrained(folder)
    for question in ['Hello!', 'Tell me a story about a dragon.', 'What is the opposite of hot?', 'My name is Rose.', 'What is the capital of Spain?', 'What does a cow say?']:
        ids = torch.tensor([[0] + tokenizer.encode(template([{'role': 'user', 'content': question}], None, True), add_special_tokens=False)], device=device)
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=120, pad_token_id=0)
        print(f'{question} -> {tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)}', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3000)
