import { FlashrowError } from '../errors.js';

/** How byte-level BPE cuts text before any merge. */
export interface GgufPreTokenizer {
  /** Patterns, applied in order to all pieces so far. Each match is a piece, and so is each text between matches. */
  pattern: readonly string[];
  /** True where a piece that is a token itself is not split. */
  ignoreMerges: boolean;
  /** True where texts begin with BOS unless the file says otherwise. */
  addBos: boolean;
  /** True where a file that names no BOS has none. */
  noDefaultBos: boolean;
}

export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
/** Symbols and white space in GPT-4's tokenizer and those after it. */
const SYMBOLS = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const SYMBOLS_AND_SLASH = SYMBOLS.replace('[\\r\\n]*', '[\\r\\n/]*');
/** Words that end where a capital begins, as in o200k and Tekken. */
const CASED_WORDS = (ending: string) =>
  ['*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+', '+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*']
    .map((rest) => `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]${rest}${ending}`)
    .join('|');
const LLAMA3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${SYMBOLS}`;

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
    names: ['gpt-2', 'phi-2', 'mpt', 'olmo', 'jais', 'exaone4', 'gigachat', 'a.x-4.0', 'mellum', 'trillion'],
    pattern: [GPT2_PATTERN],
  },
  {
    names: ['starcoder', 'refact', 'command-r', 'smollm', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
    pattern: ['\\p{N}', GPT2_PATTERN],
  },
  { names: ['falcon'], pattern: ['[\\p{P}\\$\\+<=>\\^~\\|`]+', GPT2_PATTERN, '[0-9][0-9][0-9]'] },
  {
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
    pattern: [LLAMA3],
    ignoreMerges: true,
    addBos: true,
  },
  { names: ['dbrx', 'smaug-bpe'], pattern: [LLAMA3] },
  { names: ['chatglm-bpe', 'glm4'], pattern: [LLAMA3], noDefaultBos: true },
  {
    names: ['qwen2', 'deepseek-r1-qwen', 'stablelm2', 'megrez', 'hunyuan', 'kormo', 'solar-open', 'grok-2'],
    pattern: [`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${SYMBOLS}`],
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
    names: ['gpt-4o', 'llama4', 'kanana2'],
    pattern: [`${CASED_WORDS(`${CONTRACTIONS}?`)}|\\p{N}{1,3}|${SYMBOLS_AND_SLASH}`],
  },
  {
    names: ['deepseek-v3', 'hunyuan-dense', 'joyai-llm'],
    pattern: [
      '\\p{N}{1,3}',
      '[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+',
      '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+' +
        '| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
    ],
  },
];

/** Throws UNSUPPORTED for an unknown name, since a wrong cut would give wrong tokens without any sign. */
export function preTokenizerOf(name: string): GgufPreTokenizer {
  const family = FAMILIES.find(({ names }) => names.includes(name));
  if (family) return { ignoreMerges: false, addBos: false, noDefaultBos: false, ...family };
  const known = FAMILIES.flatMap(({ names }) => names).join(', ');
  throw new FlashrowError(
    'UNSUPPORTED',
    `the GGUF's pre-tokenizer "${name}" (tokenizer.ggml.pre) is not supported; known: ${known}. The same model from its Hugging Face folder may work`,
    { pre: name },
  );
}
