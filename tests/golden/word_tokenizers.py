"""Writes word-tokenizers.json: small tokenizers of the types Unigram, WordPiece and WordLevel, and the ids and the decoded texts that the Rust
library behind Hugging Face's fast tokenizers (PyPI: tokenizers) makes of some texts. The table of replacements of one of them is compiled by
SentencePiece (PyPI: sentencepiece) from rules of our own.

Usage: python3 word_tokenizers.py > word-tokenizers.json
"""
import base64
import io
import json
import random
import tempfile

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

TEXTS = [
    'the cat sat on the mat', '  Two  spaces, and\ttabs\n\nlines ', "Don't! I'm unaffable, you're (very) able.", 'Ünïcode ŁÓDŹ naïve café cafe\u0301',
    '漢字かな 𠀀𪛟 한국어 ไทย हिन्दी', 'ΑΣ ΟΔΟΣ Σ ſ İstanbul', '12 345 ½ ²', '🙂👍🏽👩\u200d👩\u200d👧 \u00ad\u200b\ufeff', '<s> </s> [MASK] ##ing <0x41>', '',
    'x' * 120, 'ﬁne ﬂy Ⅷ Å ｱｲｳ ① ㌔ …', 'a\u0301\u0300\u0302\u0303\u0304 \r\n', 'unaffableunaffable', 'the' * 30,
]
random.seed(7)


def charsmap():
    rules = [('ﬁ', 'fi'), ('ﬂ', 'fl'), ('…', '...'), ('½', '1/2'), ('Å', 'å'), ('e\u0301', 'é'), ('①', '1'), ('\t', ' '), ('\u200b', ''), ('か', 'ka')]
    with tempfile.NamedTemporaryFile('w', suffix='.tsv') as file:
        for source, target in rules:
            code = lambda text: ' '.join(f'{ord(c):X}' for c in text)
            file.write(f'{code(source)}\t{code(target)}\n')
        file.flush()
        model = io.BytesIO()
        words = [''.join(random.choice('abcdehilmnost') for _ in range(random.randint(1, 7))) for _ in range(3000)]
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(words), model_writer=model, vocab_size=60, model_type='unigram',
                                                 normalization_rule_tsv=file.name, minloglevel=9)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def scored(tokens):
    return [(token, -float(f'{random.uniform(1, 12):.4f}')) for token in tokens]


WORDS = ['▁', '▁the', 'the', 't', 'h', 'e', 'he', '▁cat', 'at', 'a', 'c', 's', '▁s', '▁on', 'o', 'n', '▁m', 'm', 'un', 'aff', 'able', 'ff', 'b', 'l', 'le', 'f', '1', '2',
         'é', '字', '漢', '🙂', '▁un', 'i', 'fi', 'x', 'xx', 'xxxx', 'ne', '.', ',', "'", '▁Two', 'sp', 'aces']


def unigram(byte_fallback):
    special = [('<unk>', 0.0), ('<s>', 0.0), ('</s>', 0.0)]
    vocab = special + ([(f'<0x{i:02X}>', 0.0) for i in range(256)] if byte_fallback else []) + scored(WORDS)
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=byte_fallback))
    tokenizer.add_special_tokens(['<unk>', '<s>', '</s>'])
    if byte_fallback:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(' ', '▁')])
        tokenizer.decoder = decoders.Sequence([decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse()])
    else:
        config = json.loads(tokenizer.to_str())
        config['normalizer'] = {'type': 'Sequence', 'normalizers': [
            {'type': 'Precompiled', 'precompiled_charsmap': charsmap()},
            {'type': 'Replace', 'pattern': {'Regex': ' {2,}'}, 'content': ' '},
        ]}
        tokenizer = Tokenizer.from_str(json.dumps(config))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def word_piece(lowercase):
    pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'cat', 'sat', 'on', 'mat', 'two', 'un', '##aff', '##able', 'able', 'a', '##a', 'n', '##n', "'", 't', 'don', 'm',
              'i', '.', ',', '!', '(', ')', 'very', 'you', 're', 'and', '##s', 'spaces', '漢', '字', 'か', '##な', 'naive', 'cafe', 'caf', '##é', 'Don', 'I', '1', '##2', '12', '𠀀',
              'α', '##σ', 'ο', '##δ', '##ο', 'σ', 'the', 'lodz', 'x', '##x', '…', 'tab', 'lines']
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token='[UNK]', max_input_chars_per_word=100))
    tokenizer.add_special_tokens(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'])
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix='##', cleanup=lowercase)
    return tokenizer


def word_level():
    words = ['[UNK]', 'the', 'cat', 'sat', 'on', 'mat', ',', "'", '.', '!', 'Don', 't', '漢字かな', '12', '[MASK]', '345']
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token='[UNK]'))
    tokenizer.add_special_tokens([AddedToken('[MASK]', lstrip=True)])
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def case(name, tokenizer):
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    return dict(name=name, tokenizer=json.loads(tokenizer.to_str()), ids=ids, decoded=[tokenizer.decode(each) for each in ids])


print(json.dumps(dict(tokenizers=tokenizers.__version__, sentencepiece=sentencepiece.__version__, texts=TEXTS, cases=[
    case('Unigram with byte fallback', unigram(True)),
    case('Unigram with a table of replacements', unigram(False)),
    case('WordPiece without cases', word_piece(True)),
    case('WordPiece with cases', word_piece(False)),
    case('WordLevel', word_level()),
]), ensure_ascii=True, separators=(',', ':')))
