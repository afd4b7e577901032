"""Pieces that the Rust library behind Hugging Face's fast tokenizers (PyPI: tokenizers) cuts with the patterns of llama.cpp's pre-tokenizers
(src/llama-vocab.cpp; `(?i:...)` and `\\p{Lu}` where it quotes the original of a tokenizer.json), and the ids of a small vocabulary like Gemma 4's.

Usage: python3 pre_tokenizers.py > pre-tokenizers.json
"""
import json

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

TEXTS = [
    "I'LL pay 12345$\n\n  ok, you'Re  late\r\n\tx = y+1;  \n",
    'Grüße, naïve Ünïcode ŁÓDŹ ΑΒΓδ Привет мир',
    '漢字とkana 한국어 テスト123 ไทย हिन्दी',
    "McDonald's ÉCOLE iPhone HTTPServer don't CAN'T",
    '(a|b)!? "q" … 。、 100,000.5 １２３ ²³ ½',
    '  leading\n\n\n\ttabs \u00a0 nbsp   ',
    'a/b//c\n/d /* x */ </s> <0x41> 🙂👍🏽 e\u0301',
    '1 12 123 1234 12345 123456 1234567 12345678 x1234 1234x 12_3456 0.12345 １２３４ ٣٤٥٦ 12²',
    '👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🇩🇪 ☕️ ∑∫≠√2 ≤ x² ± ∞ 𝟙𝟚𝟛𝟜 𝒳',
    'क्षत्रिय नमस्ते বাংলা தமிழ் العَرَبِيَّة עִבְרִית ລາວ ខ្មែរ မြန်မာ',
    'snake_case __init__ ALL_CAPS3 $var @x `code` <a href="x">',
    'a' + ' ' * 17 + 'b' + ' ' * 64 + 'c\t\t\td \n \n  \n\n\r\n\r\n\r e \r\n f   \n',
    "'s 'S it's IT'S l'été ’twas 'll'd 'x '''",
]
C = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
CASED = r'[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s'
KIMI = CASED.replace(r'[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]', r'[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]').replace(
    r'[\p{Ll}\p{Lm}\p{Lo}\p{M}]', r'[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]')
BLOOM = ' ?[^(\\s|.,!?…。，、।۔،)]+'
LETTERS = (
    'A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377'
    '\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556'
    '\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a'
    '\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4'
    '\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc'
    '\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f'
    '\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b'
    '\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a'
    '\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2'
    '\U000118a0-\U000118df\U0001e900-\U0001e943'
)
CJK = '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+'
DEEPSEEK3 = (r'''[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*'''
             r'|\s*[\r\n]+|\s+(?!\S)|\s+')
TAIL = r'\s*[\r\n]+|\s+(?!\S)|\s+'
PATTERNS = {
    'deepseek-llm': ['[\r\n]', '\\s?[' + LETTERS + ']+', '\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+', '\\s+$', CJK, '\\p{N}+'],
    'deepseek-coder': ['[\r\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', CJK, '\\p{N}'],
    'bloom': [BLOOM],
    'viking': [BLOOM, '\\p{N}'],
    'bailingmoe2': [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
    'seed-coder': [C + r'|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|' + TAIL],
    'exaone-moe': [C + r'|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+'],
    'minicpm5': [r'\p{N}{1,3}', C + r'|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|' + TAIL],
    'minimax-m2': [CASED % (C + '?', C + '?') + r'|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|' + TAIL],
    'kimi-k2': [r'[\p{Han}]+|' + KIMI % (C + '?', C + '?') + r'|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|' + TAIL],
    'tekken': [CASED % ('', '') + r'|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|' + TAIL],
    'gpt-4o': [CASED % (C + '?', C + '?') + r'|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|' + TAIL],
    'tiny_aya': [r'\d{1,3}(?=(?:\d{3})*\b)', CASED % (C + '?', C + '?') + r'|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|' + TAIL],
    'superbpe': [r'\p{N}+', r'(?=(\d{3})+(?!\d))'],
    'jais-2': [C + r'|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|'
               + ''.join(r'\s{%s}(?!\S)|' % n for n in '512 256 128 64 32 16 8 4 1,2'.split()) + r'\s{1}'],
    'laguna': ['[^\\n]+|[\\n]+', C + r'|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|' + TAIL],
    'ufakzeka': [r'[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|' + TAIL],
    'deepseek-v3': [r'\p{N}{1,3}', '[一-龥぀-ゟ゠-ヿ]+', DEEPSEEK3],
    'spark2_5': [r'\p{N}{1,3}', '[一-龥぀-ゟ゠-ヿ]+', DEEPSEEK3.replace(r'[\r\n]*|\s*[\r\n]+', r'|[\r\n]'), r'\p{N}'],
    'afmoe': [r'\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))',
              '[\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff'
              '\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+', DEEPSEEK3],
    'youtu': ['[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+',
              CASED % (C + '?', C + '?') + r'|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|' + TAIL],
}


def pieces(patterns, text):
    cut = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), 'isolated') for p in patterns])
    return [piece for piece, _ in cut.pre_tokenize_str(text)]


def gemma4():
    """Gemma 4's tokenizer.json in small: BPE of characters, spaces as U+2581, bytes for the rest, turn tokens in the text."""
    tokens = ['<pad>', '<eos>', '<bos>', '<unk>', '<|turn>', '<turn|>']
    tokens += [f'<0x{i:02X}>' for i in range(256)]
    tokens += ['\n', '\n\n', '\n\n\n', '▁', 'a', 'b', 'c', 'e', 'h', 'l', 'o', 't', 'w', 'r', 'd', '漢']
    merges = [('\n', '\n'), ('\n\n', '\n'), ('h', 'e'), ('l', 'l'), ('he', 'll'), ('hell', 'o'), ('▁', 'w'), ('▁w', 'o'), ('r', 'l'), ('▁wo', 'rl'),
              ('▁worl', 'd'), ('▁', '▁'), ('▁', 't'), ('▁t', 'he')]
    tokens += [a + b for a, b in merges if a + b not in tokens]
    vocab = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(' ', '▁')
    tokenizer.pre_tokenizer = pre_tokenizers.Split(' ', 'merged_with_previous')
    tokenizer.decoder = decoders.Sequence([decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(['<pad>', '<eos>', '<bos>', '<unk>'])
    tokenizer.add_tokens([AddedToken('<|turn>', normalized=False), AddedToken('<turn|>', normalized=False)])
    texts = ['hello world', ' hello  the world\n\nhello', '\n', ' \n \n\n \t', 'hello\r\n\r\n  the', '\n' * 11 + 'a', 'a' + ' ' * 9 + 'b  ', '\n\n\n\n\nworld', '<|turn>hello\n漢 é🙂<turn|>', 'the\r\n<0x41> x', '   ', 'a\tb']
    return dict(tokens=tokens, merges=[' '.join(m) for m in merges], texts=texts,
                ids=[tokenizer.encode(t, add_special_tokens=False).ids for t in texts])


print(json.dumps(dict(
    tokenizers=tokenizers.__version__,
    texts=TEXTS,
    pieces={name: [pieces(patterns, text) for text in TEXTS] for name, patterns in PATTERNS.items()},
    gemma4=gemma4(),
), ensure_ascii=True, separators=(',', ':')))
