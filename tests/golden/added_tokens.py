"""Writes added-tokens.json: small vocabularies with added tokens of every flag, and the ids that Hugging Face tokenizers (0.23, in
Rust) gives for some texts.

    pip install tokenizers==0.23.3
    python3 tests/golden/added_tokens.py > tests/golden/added-tokens.json
"""
import itertools
import json

from tokenizers import Tokenizer

PIECES = list('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789') + ['Ġ', 'Ċ', '_', '-', '.', 'Ã', '©', 'Ì', 'ģ', 'Â', 'ł', '▁'] + ['<', '>']
NORMALIZERS = {
    'none': None,
    'Lowercase': {'type': 'Lowercase'},
    'NFC': {'type': 'NFC'},
    'Prepend': {'type': 'Sequence', 'normalizers': [
        {'type': 'Prepend', 'prepend': '▁'}, {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '▁'}]},
}
CONTENTS = ['Yes', 'cafe\u0301', 'abc']
TEXTS = [
    'Yes abc', 'yes YES', 'x Yes\u00a0 abcabc', 'xYesx', ' abc ', 'abc_ abc. abc1 abc', 'caf\u00e9 cafe\u0301s', 'x  \n Yes \n\n abc',
    'YesYes', '-abc-', ' Yes', 'abc', '\u2003Yes\u2003',
]


def build(normalizer, flags):
    byte_level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': False}
    prepends = normalizer == 'Prepend'
    return {
        'version': '1.0', 'truncation': None, 'padding': None,
        'added_tokens': [{'id': len(PIECES) + i, 'content': content, 'special': False, **flags} for i, content in enumerate(CONTENTS)],
        'normalizer': NORMALIZERS[normalizer],
        'pre_tokenizer': None if prepends else byte_level, 'post_processor': None,
        'decoder': None if prepends else byte_level,
        'model': {
            'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': None, 'end_of_word_suffix': None,
            'fuse_unk': False, 'byte_fallback': False, 'ignore_merges': False,
            'vocab': {piece: id for id, piece in enumerate(PIECES)}, 'merges': [],
        },
    }


cases = []
FLAGS = ['single_word', 'lstrip', 'rstrip', 'normalized']
for normalizer in NORMALIZERS:
    for values in itertools.product([False, True], repeat=4):
        flags = dict(zip(FLAGS, values))
        tokenizer = Tokenizer.from_str(json.dumps(build(normalizer, flags)))
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        cases.append({'normalizer': normalizer, 'flags': flags, 'ids': ids})
print(json.dumps({'tokenizers': {name: build(name, {}) for name in NORMALIZERS}, 'texts': TEXTS, 'cases': cases}, ensure_ascii=False, separators=(',', ':')))
