"""Mean negative log-likelihood of a trained folder by PyTorch in float32, to hold flashrow against.

Usage: python3 reference.py opt|falcon FOLDER SEQUENCES.json

SEQUENCES.json: [[ids], ...]; the first token of each is not scored. `flashrow eval FOLDER --sequences SEQUENCES.json` gives the same.
"""
import json
import struct
import sys

import torch
import torch.nn.functional as F
from train import CONTEXT, Model, published_names

family, folder, sequences = sys.argv[1:]
raw = open(f'{folder}/model.safetensors', 'rb').read()
size = struct.unpack('<Q', raw[:8])[0]
header = json.loads(raw[8 : 8 + size])
model = Model(family)
state = {}
for (published, _), name in zip(published_names(family, model), model.state_dict()):
    info = header[published]
    begin, end = info['data_offsets']
    values = torch.frombuffer(bytearray(raw[8 + size + begin : 8 + size + end]), dtype=torch.float16)
    state[name] = values.reshape(info['shape']).float()
model.load_state_dict(state)
nll, scored = 0.0, 0
with torch.no_grad():
    for ids in json.load(open(sequences)):
        ids = torch.tensor(ids[:CONTEXT])
        logits, _ = model(ids[None])
        nll += F.cross_entropy(logits[0, :-1], ids[1:], reduction='sum').item()
        scored += len(ids) - 1
print(json.dumps(dict(tokens=scored, meanNll=nll / scored)))
