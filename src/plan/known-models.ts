import { chooseDefaults } from './default-budget.js';
import type { Examination } from './examination.js';
import { expertMissShare } from './expert-reuse.js';
import type { MemoryLeft } from './memory-left.js';

/** Sizes of a published model, by its config.json. */
interface KnownModel {
  name: string;
  layers: number;
  hidden: number;
  /** Neurons of a layer's network, or of one expert. */
  neurons: number;
  heads: number;
  keyValueHeads: number;
  headDim: number;
  vocabulary: number;
  /** Whether the head is the embedding. */
  tied?: boolean;
  experts?: { all: number; perToken: number };
}

const LLAMA = { keyValueHeads: 8, headDim: 128, vocabulary: 128_256 };
const QWEN = { headDim: 128, vocabulary: 151_936 };
const GPT_OSS = { hidden: 2880, neurons: 2880, heads: 64, keyValueHeads: 8, headDim: 64, vocabulary: 201_088 };

const KNOWN: readonly KnownModel[] = [
  { name: 'Llama 3.2 3B', layers: 28, hidden: 3072, neurons: 8192, heads: 24, ...LLAMA, tied: true },
  { name: 'Llama 3.1 8B', layers: 32, hidden: 4096, neurons: 14_336, heads: 32, ...LLAMA },
  { name: 'Qwen3 14B', layers: 40, hidden: 5120, neurons: 17_408, heads: 40, keyValueHeads: 8, ...QWEN },
  { name: 'Llama 3.3 70B', layers: 80, hidden: 8192, neurons: 28_672, heads: 64, ...LLAMA },
  { name: 'gpt-oss 20B', layers: 24, ...GPT_OSS, experts: { all: 32, perToken: 4 } },
  {
    ...{ name: 'Qwen3 30B A3B', layers: 48, hidden: 2048, neurons: 768, heads: 32, keyValueHeads: 4, ...QWEN },
    experts: { all: 128, perToken: 8 },
  },
  { name: 'gpt-oss 120B', layers: 36, ...GPT_OSS, experts: { all: 128, perToken: 4 } },
];

/** Bytes of a weight in q4_0: blocks of 32 take 18 bytes. The usual mixtures of 4 bits are a little larger. */
const WEIGHT_BYTES = 18 / 32;
/** Tokens of context that are reckoned with. */
const CONTEXT = 4096;
/** Scratch and the smallest cache, and what is beside the budget. */
const [LEAST_BESIDE, OVERHEAD] = [100e6, 95e6];

/** Reckons how models that people know, in 4 bits, would run with the default budget, and a context of 4096 tokens. */
export function knownModels(
  left: MemoryLeft,
  diskBytesPerSecond: number,
  weightBytesPerSecond: number,
): Examination['models'] {
  return KNOWN.map((model) => {
    const { name, experts } = model;
    const { fileBytes, ffnBytes, residentBytes, stateBytes } = sizesOf(model);
    const fixedBytes = residentBytes + stateBytes + LEAST_BESIDE;
    const wish = { budgetBytes: null, contextSize: CONTEXT, contextIsOpen: false, left, overheadBytes: OVERHEAD };
    const { budgetBytes } = chooseDefaults({ ...wish, minimumFor: () => fixedBytes });
    const fits = budgetBytes >= fixedBytes;
    const cachedShare = Math.max(0, Math.min(1, (budgetBytes - fixedBytes) / ffnBytes));
    // As in the forecast of a plan: a ring reads while everything else goes on, and a token waits for its experts.
    const touched = experts ? (ffnBytes * experts.perToken) / experts.all : ffnBytes;
    const computing = (residentBytes + touched) / weightBytesPerSecond;
    const missed = experts ? expertMissShare(cachedShare) : 1 - cachedShare;
    const reading = (touched * missed) / diskBytesPerSecond;
    const seconds = experts ? reading + computing : Math.max(reading, computing);
    return { name, fileBytes, fits, cachedShare: fits ? cachedShare : 0, tokensPerSecond: fits ? 1 / seconds : null };
  });
}

function sizesOf({ layers, hidden, neurons, heads, keyValueHeads, headDim, vocabulary, tied, experts }: KnownModel) {
  const attention = layers * hidden * headDim * 2 * (heads + keyValueHeads);
  const ffn = layers * 3 * hidden * neurons * (experts?.all ?? 1);
  const head = vocabulary * hidden;
  return {
    fileBytes: Math.round((attention + ffn + (tied ? 1 : 2) * head) * WEIGHT_BYTES),
    ffnBytes: ffn * WEIGHT_BYTES,
    residentBytes: (attention + head) * WEIGHT_BYTES,
    // A key and a value of 16-bit integers for each head, each with a scale.
    stateBytes: layers * CONTEXT * keyValueHeads * 2 * (2 * headDim + 4),
  };
}
