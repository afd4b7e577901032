import { FORMATS, isWritableFormat, WRITABLE_FORMATS, type WritableFormat } from '../../native-bridge/formats.js';
import { FlashrowError } from '../../src/errors.js';

export interface ExpertsShape {
  numExperts: number;
  numExpertsPerToken: number;
  /** Neurons of one expert. */
  intermediateSize: number;
  /** Neurons of an expert that every token takes, too; only Qwen 2 MoE, Qwen 3.5 and DeepSeek 2 have one. */
  sharedIntermediateSize?: number;
  /** Layers at the start that have an ordinary network; only DeepSeek 2 has any. */
  leadingDenseLayers?: number;
}

/** Latent attention: keys and values of a position are one vector, for all heads. A head's own sizes: */
export interface LatentShape {
  latentDim: number;
  /** Dimensions of keys that do not rotate, and those that do. */
  keyDim: number;
  rotaryDim: number;
  valueDim: number;
  /** Rows of the bottleneck of queries; null without one. Experts are then routed by a softmax, else by a sigmoid. */
  queryRank: number | null;
}

/** Layers whose mixer is a gated delta net with a state of fixed size, between those with gated attention. */
export interface DeltaNetShape {
  keyHeads: number;
  valueHeads: number;
  /** Width of a head's keys and values. */
  stateSize: number;
  /** Every so many layers one has attention. */
  attentionInterval: number;
  /** Dimensions of a head that rotary embeddings turn. */
  rotaryDim: number;
  /** Blocks at the end that foretell further tokens. A plain run leaves them alone. */
  predictionLayers: number;
}

/** Each is a GGUF file, which llama.cpp runs too, except `opt`: a Hugging Face folder, for llama.cpp has no OPT. */
export type ModelFamily = GgufFamily | 'opt';
export type GgufFamily =
  | 'llama'
  | 'mixtral'
  | 'qwen2'
  | 'qwen2moe'
  | 'qwen3'
  | 'qwen3moe'
  | 'qwen35moe'
  | 'deepseek2'
  | 'olmoe'
  | 'gpt-oss'
  | 'gemma'
  | 'gemma2'
  | 'gemma3'
  | 'phi3'
  | 'falcon'
  | 'falcon-40b';

export interface ModelShape {
  family: ModelFamily;
  hiddenSize: number;
  intermediateSize: number;
  numLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  vocabSize: number;
  contextLength: number;
  ropeTheta: number;
  /** llama.cpp knows only Llamas with SiLU, and runs a ReLU file as such: the same bytes and the same work. */
  activation: 'silu' | 'relu';
  /** Null, except for mixtures. */
  experts: ExpertsShape | null;
  /** Whether the embedding matrix is the head, too. */
  tiedEmbeddings: boolean;
  /** Only Qwen 3.5 has it. */
  deltaNet?: DeltaNetShape;
  /** Only DeepSeek 2 has it. `headDim` is then `latentDim + rotaryDim`, and there is one key-value head. */
  latent?: LatentShape;
}

/** Shapes, each by the name of a model that has it. */
export const SHAPES: Readonly<Record<string, ModelShape>> = {
  'llama2-7b': llama(4096, 11008, 32, 32, 32, 32000, 4096, 1e4),
  'llama3-8b': llama(4096, 14336, 32, 32, 8, 128256, 8192, 5e5),
  'relu-llama2-7b': { ...llama(4096, 11008, 32, 32, 32, 32000, 4096, 1e4), activation: 'relu' },
  'tinyllama-1.1b': llama(2048, 5632, 22, 32, 4, 32000, 2048, 1e4),
  'qwen3-30b-a3b': {
    ...llama(2048, 6144, 48, 32, 4, 151936, 40960, 1e6),
    family: 'qwen3moe',
    headDim: 128,
    experts: { numExperts: 128, numExpertsPerToken: 8, intermediateSize: 768 },
  },
  'qwen3.6-35b-a3b': {
    ...llama(2048, 6144, 40, 16, 2, 248320, 262144, 1e7),
    family: 'qwen35moe',
    headDim: 256,
    experts: { numExperts: 256, numExpertsPerToken: 8, intermediateSize: 512, sharedIntermediateSize: 512 },
    deltaNet: {
      ...{ keyHeads: 16, valueHeads: 32, stateSize: 128 },
      ...{ attentionInterval: 4, rotaryDim: 64, predictionLayers: 1 },
    },
  },
  'deepseek-v2-lite': {
    ...llama(2048, 10944, 27, 16, 1, 102400, 163840, 1e4),
    family: 'deepseek2',
    headDim: 576,
    experts: {
      ...{ numExperts: 64, numExpertsPerToken: 6, intermediateSize: 1408 },
      ...{ sharedIntermediateSize: 2816, leadingDenseLayers: 1 },
    },
    latent: { latentDim: 512, keyDim: 128, rotaryDim: 64, valueDim: 128, queryRank: null },
  },
  'glm-4.7-flash': {
    ...llama(2048, 10240, 47, 20, 1, 154880, 202752, 1e6),
    family: 'deepseek2',
    headDim: 576,
    experts: {
      ...{ numExperts: 64, numExpertsPerToken: 4, intermediateSize: 1536 },
      ...{ sharedIntermediateSize: 1536, leadingDenseLayers: 1 },
    },
    latent: { latentDim: 512, keyDim: 192, rotaryDim: 64, valueDim: 256, queryRank: 768 },
  },
  'opt-6.7b': opt(4096, 16384, 32, 32, 50272, 2048),
  tiny: llama(256, 768, 4, 8, 4, 512, 512, 1e4),
  'tiny-relu': { ...llama(256, 768, 4, 8, 4, 512, 512, 1e4), activation: 'relu' },
  'tiny-opt': opt(256, 1024, 4, 8, 512, 512),
  'tiny-moe': {
    ...llama(256, 512, 4, 8, 4, 512, 512, 1e4),
    family: 'qwen3moe',
    headDim: 64,
    experts: { numExperts: 16, numExpertsPerToken: 4, intermediateSize: 96 },
  },
  'tiny-hybrid': {
    ...llama(256, 512, 4, 4, 2, 512, 512, 1e4),
    family: 'qwen35moe',
    experts: { numExperts: 16, numExpertsPerToken: 4, intermediateSize: 96, sharedIntermediateSize: 64 },
    deltaNet: {
      ...{ keyHeads: 2, valueHeads: 4, stateSize: 32 },
      ...{ attentionInterval: 2, rotaryDim: 32, predictionLayers: 1 },
    },
  },
  'tiny-latent': {
    ...llama(256, 512, 4, 4, 1, 512, 512, 1e4),
    family: 'deepseek2',
    headDim: 96,
    experts: {
      ...{ numExperts: 16, numExpertsPerToken: 4, intermediateSize: 96 },
      ...{ sharedIntermediateSize: 192, leadingDenseLayers: 1 },
    },
    latent: { latentDim: 64, keyDim: 32, rotaryDim: 32, valueDim: 32, queryRank: 128 },
  },
};

/** Keys of a shape by numbers, and the order of `llama`'s arguments. */
const KEYS = ['hidden', 'ffn', 'layers', 'heads', 'kv-heads', 'vocab', 'context'] as const;
const DEFAULTS = { vocab: 32000, context: 4096 };
const EXAMPLE = 'hidden=2048,ffn=5632,layers=22,heads=32,kv-heads=4';

function llama(
  hiddenSize: number,
  intermediateSize: number,
  numLayers: number,
  numAttentionHeads: number,
  numKeyValueHeads: number,
  vocabSize: number,
  contextLength: number,
  ropeTheta: number,
): ModelShape {
  return {
    family: 'llama',
    hiddenSize,
    intermediateSize,
    numLayers,
    numAttentionHeads,
    numKeyValueHeads,
    headDim: hiddenSize / numAttentionHeads,
    vocabSize,
    contextLength,
    ropeTheta,
    activation: 'silu',
    experts: null,
    tiedEmbeddings: false,
  };
}

function opt(
  hiddenSize: number,
  intermediateSize: number,
  numLayers: number,
  numAttentionHeads: number,
  vocabSize: number,
  contextLength: number,
): ModelShape {
  const heads = numAttentionHeads;
  const shared = llama(hiddenSize, intermediateSize, numLayers, heads, heads, vocabSize, contextLength, 0);
  return { ...shared, family: 'opt', activation: 'relu', tiedEmbeddings: true };
}

export interface NamedShape {
  /** Fit for a file name. */
  name: string;
  shape: ModelShape;
}

/**
 * A name of SHAPES, or numbers like `hidden=2048,ffn=5632,layers=22,heads=32,kv-heads=4[,vocab=32000][,context=4096]`.
 * Throws BAD_USAGE.
 */
export function parseShape(text: string): NamedShape {
  if (Object.hasOwn(SHAPES, text)) return { name: text, shape: SHAPES[text] };
  const known = Object.keys(SHAPES).join(', ');
  if (!text.includes('=')) throw badShape(text, `use one of ${known}, or numbers like ${EXAMPLE}`);
  const given: Record<string, number> = { ...DEFAULTS };
  for (const pair of text.split(',')) {
    const [key, value, ...rest] = pair.split('=');
    if (!KEYS.some((name) => name === key)) throw badShape(text, `"${key}" is none of ${KEYS.join(', ')}`);
    if (rest.length > 0 || !/^[1-9]\d{0,7}$/.test(value ?? ''))
      throw badShape(text, `${key} is a whole number, not "${value}"`);
    given[key] = Number(value);
  }
  given['kv-heads'] ??= given.heads;
  const missing = KEYS.find((key) => given[key] === undefined);
  if (missing) throw badShape(text, `${missing} is missing; write it like ${EXAMPLE}`);
  const [hidden, ffn, layers, heads, keyValueHeads, vocab, context] = KEYS.map((key) => given[key]);
  if (hidden % heads !== 0 || (hidden / heads) % 2 !== 0)
    throw badShape(text, `hidden is an even multiple of heads, not ${hidden} of ${heads}`);
  if (heads % keyValueHeads !== 0)
    throw badShape(text, `heads is a multiple of kv-heads, not ${heads} of ${keyValueHeads}`);
  if (vocab < 512) throw badShape(text, `vocab is at least 512, not ${vocab}`);
  const shape = llama(hidden, ffn, layers, heads, keyValueHeads, vocab, context, 1e4);
  return { name: KEYS.map((key) => `${key}${given[key]}`).join('-'), shape };
}

/** Throws BAD_USAGE where `text` is not a format with a kernel, or the shape's rows do not hold whole blocks of it. */
export function parseFormat(
  text: string,
  { family, hiddenSize, intermediateSize, experts }: ModelShape,
): WritableFormat {
  if (!isWritableFormat(text)) {
    const known = WRITABLE_FORMATS.join(', ');
    throw new FlashrowError('BAD_USAGE', `--format: "${text}" is not a format; use one of ${known}`, {
      value: text,
    });
  }
  if (family === 'opt' && text !== 'f16' && text !== 'f32')
    throw new FlashrowError('BAD_USAGE', `--format ${text}: OPT is a Hugging Face folder, which holds f16 or f32`, {
      value: text,
    });
  const { blockSize } = FORMATS[text];
  for (const columns of [hiddenSize, experts?.intermediateSize ?? intermediateSize]) {
    if (columns % blockSize !== 0)
      throw new FlashrowError(
        'BAD_USAGE',
        `--format ${text} needs rows of whole blocks of ${blockSize}, not ${columns}`,
        { option: 'format', value: text },
      );
  }
  return text;
}

const badShape = (value: string, why: string) => new FlashrowError('BAD_USAGE', `--shape ${value}: ${why}`, { value });
