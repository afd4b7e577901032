import { FlashrowError } from '../../errors.js';

/** How byte-pair encoding cuts text before any merge. */
export interface GgufPreTokenizer {
  /** What merges: a text's bytes, or its characters with U+2581 for spaces. */
  units: 'bytes' | 'characters';
  /** Patterns, applied in order to all pieces so far. Each match is a piece, and so is each text between matches. */
  pattern: readonly string[];
  /** True where a piece that is a token itself is not split. */
  ignoreMerges: boolean;
  /** True where texts begin with BOS unless the file says otherwise. */
  addBos: boolean;
  /** True where texts begin with BOS whatever the file says. */
  alwaysBos: boolean;
  /** True where a file that names no BOS has none. */
  noDefaultBos: boolean;
}

export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
/** Symbols and white space in GPT-4's tokenizer and those after it. */
const SYMBOLS = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const SYMBOLS_AND_SLASH = SYMBOLS.replace('[\\r\\n]*', '[\\r\\n/]*');
/** Words that end where a capital begins, as in o200k and Tekken. `but` comes before each of their letters. */
const CASED_WORDS = (ending: string, but = '') =>
  ['*+', '+*']
    .map(([capitals, others]) => {
      const first = `(?:${but}[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}])${capitals}`;
      return `[^\\r\\n\\p{L}\\p{N}]?${first}(?:${but}[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}])${others}${ending}`;
    })
    .join('|');
/** Words of BLOOM (arXiv 2211.05100) end at punctuation. */
const BLOOM = ' ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+';
/** Letters with cases, as the tokenizer.json of DeepSeek LLM lists them. */
const DEEPSEEK_LETTERS =
  'A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377' +
  '\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556' +
  '\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a' +
  '\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4' +
  '\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc' +
  '\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f' +
  '\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b' +
  '\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a' +
  '\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}' +
  '\u{118a0}-\u{118df}\u{1e900}-\u{1e943}';
const QWEN2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${SYMBOLS}`;
const LLAMA3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${SYMBOLS}`;
const GPT4O = `${CASED_WORDS(`${CONTRACTIONS}?`)}|\\p{N}{1,3}|${SYMBOLS_AND_SLASH}`;
const HAN_AND_KANA = '[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+';
const DEEPSEEK3 =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+' +
  '| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
/** Mostly scripts without spaces between words. Its third range is as wide in llama.cpp. */
const ASIAN_SCRIPTS =
  '[\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f' +
  '\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+';

/**
 * The values of `tokenizer.ggml.pre`, with the patterns of the models' own tokenizer.json. llama.cpp quotes them in
 * src/llama-vocab.cpp, and must approximate some of them.
 */
const FAMILIES: readonly (Partial<GgufPreTokenizer> & { names: readonly string[]; pattern: readonly string[] })[] = [
  {
    names: ['default'],
    pattern: ['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2_PATTERN, '\\p{N}+', '[0-9][0-9][0-9]'],
  },
  {
    names: [
      'gpt-2',
      'phi-2',
      'mpt',
      'olmo',
      'jais',
      'exaone4',
      'gigachat',
      'a.x-4.0',
      'mellum',
      'trillion',
      'granite-docling',
      'jina-es',
      'jina-de',
      'jina-v2-es',
      'jina-v2-de',
      'jina-v1-en',
      'jina-v2-code',
      'roberta-bpe',
      'modern-bert',
    ],
    pattern: [GPT2_PATTERN],
  },
  {
    names: ['starcoder', 'starcoder2', 'refact', 'command-r', 'smollm', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
    pattern: ['\\p{N}', GPT2_PATTERN],
  },
  { names: ['falcon'], pattern: ['[\\p{P}\\$\\+<=>\\^~\\|`]+', GPT2_PATTERN, '[0-9][0-9][0-9]'] },
  {
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2', 'jina-v5-nano'],
    pattern: [LLAMA3],
    ignoreMerges: true,
    addBos: true,
  },
  { names: ['dbrx', 'smaug-bpe'], pattern: [LLAMA3] },
  { names: ['chatglm-bpe', 'glm4'], pattern: [LLAMA3], noDefaultBos: true },
  {
    names: ['qwen2', 'deepseek-r1-qwen', 'stablelm2', 'megrez', 'hunyuan', 'kormo', 'solar-open', 'grok-2', 'f2llmv2'],
    pattern: [QWEN2],
  },
  {
    names: ['qwen35'],
    pattern: [
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|${SYMBOLS.replace('\\p{L}\\p{N}', '\\p{L}\\p{M}\\p{N}')}`,
    ],
  },
  {
    names: ['tekken'],
    pattern: [`${CASED_WORDS('')}|\\p{N}|${SYMBOLS_AND_SLASH}`],
    ignoreMerges: true,
    addBos: true,
  },
  {
    names: ['gpt-4o', 'llama4', 'kanana2', 'talkie', 'minimax-m2'],
    pattern: [GPT4O],
  },
  { names: ['granite-embed-multi-97m'], pattern: [GPT4O], ignoreMerges: true },
  { names: ['tiny_aya', 'cohere2moe'], pattern: ['\\d{1,3}(?=(?:\\d{3})*\\b)', GPT4O] },
  {
    names: ['jais-2'],
    pattern: [
      LLAMA3.replace(
        /\\s\+\(\?!\\S\)\|\\s\+$/,
        `${[512, 256, 128, 64, 32, 16, 8, 4, '1,2'].map((n) => `\\s{${n}}(?!\\S)|`).join('')}\\s{1}`,
      ),
    ],
  },
  { names: ['superbpe'], pattern: ['\\p{N}+', '(?=(\\d{3})+(?!\\d))'] },
  { names: ['laguna'], pattern: ['\\n+', QWEN2] },
  { names: ['ufakzeka'], pattern: [QWEN2.slice(CONTRACTIONS.length + 1)] },
  {
    names: ['deepseek-v3', 'hunyuan-dense', 'joyai-llm', 'hy_v4'],
    pattern: ['\\p{N}{1,3}', HAN_AND_KANA, DEEPSEEK3],
  },
  {
    names: ['spark2_5'],
    pattern: ['\\p{N}{1,3}', HAN_AND_KANA, DEEPSEEK3.replace('[\\r\\n]*|\\s*[\\r\\n]+', '|[\\r\\n]'), '\\p{N}'],
  },
  { names: ['afmoe'], pattern: ['\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))', ASIAN_SCRIPTS, DEEPSEEK3] },
  {
    names: ['deepseek-llm'],
    pattern: [
      '[\\r\\n]',
      `\\s?[${DEEPSEEK_LETTERS}]+`,
      '\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+',
      '\\s+$',
      '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+',
      '\\p{N}+',
    ],
  },
  {
    names: ['deepseek-coder'],
    pattern: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+', '\\p{N}'],
  },
  { names: ['bloom', 'poro-chat', 'gpt3-finnish'], pattern: [BLOOM] },
  { names: ['viking'], pattern: [BLOOM, '\\p{N}'] },
  {
    names: ['bailingmoe', 'bailingmoe2', 'llada-moe'],
    pattern: [
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
    ],
  },
  {
    names: ['seed-coder'],
    pattern: [
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
    ],
  },
  {
    names: ['exaone-moe'],
    pattern: [
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`,
    ],
  },
  {
    names: ['minicpm5'],
    pattern: ['\\p{N}{1,3}', `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+|${SYMBOLS}`],
    ignoreMerges: true,
  },
  {
    names: ['kimi-k2'],
    pattern: [`\\p{Script=Han}+|${CASED_WORDS(`${CONTRACTIONS}?`, '(?!\\p{Script=Han})')}|\\p{N}{1,3}|${SYMBOLS}`],
  },
  {
    names: ['youtu'],
    pattern: [
      '[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+' +
        '|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+',
      `${CASED_WORDS(`${CONTRACTIONS}?`)}|\\p{N}|${SYMBOLS_AND_SLASH}`,
    ],
    ignoreMerges: true,
  },
  {
    names: ['chameleon'],
    pattern: [
      '<sentinel:[0-9]+>',
      '(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z',
      '([\\t\\n]|    |  )',
      '\\p{N}',
      '[\\p{P}!-/:-@\\[-`{-~]',
      GPT2_PATTERN,
    ],
    addBos: true,
  },
  { names: ['gemma4', 'granite-embed-multi-311m'], pattern: ['\\n+'], units: 'characters', alwaysBos: true },
  { names: ['sarvam-moe'], pattern: ['\\n+'], units: 'characters' },
];

/** The name of the pre-tokenizer in a vocabulary that does not name it. */
export const preTokenizerName = ({ model, pre }: { model: string; pre: string | null }): string =>
  model === 'gemma4' ? 'gemma4' : (pre ?? 'default');

/** Throws UNSUPPORTED for an unknown name, since a wrong cut would give wrong tokens without any sign. */
export function preTokenizerOf(name: string): GgufPreTokenizer {
  const family = FAMILIES.find(({ names }) => names.includes(name));
  if (family)
    return { units: 'bytes', ignoreMerges: false, addBos: false, alwaysBos: false, noDefaultBos: false, ...family };
  const known = FAMILIES.flatMap(({ names }) => names).join(', ');
  throw new FlashrowError(
    'UNSUPPORTED',
    `the GGUF's pre-tokenizer "${name}" (tokenizer.ggml.pre) is not supported; known: ${known}. The same model from its Hugging Face folder may work`,
    { pre: name },
  );
}
