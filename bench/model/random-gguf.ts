import { FORMATS, type RowFormat } from '../../native-bridge/formats.js';
import { GGUF_FAMILIES, type GgufFamilyTraits } from './gguf-families.js';
import { f32, floats, type GgufEntry, integers, tensorBytes, text, texts, u32, writeGguf } from './gguf-file.js';
import { CONV_KERNEL, type Tensor, tensorsOf } from './gguf-tensors.js';
import { RandomWeights } from './random-weights.js';
import type { DeltaNetShape, ExpertsShape, LatentShape, ModelShape } from './shapes.js';

/*
 * A model of random weights as a GGUF file, with a SentencePiece vocabulary of made-up words. Both llama.cpp and
 * flashrow load it.
 */

/** Blocks that are written at once. */
const PIECE_BLOCKS = 1 << 18;
/**
 * Window of gpt-oss and Gemma, context before YaRN, and YaRN's factor. They are so small that a short prompt goes
 * beyond them.
 */
const [WINDOW, YARN_CONTEXT, YARN_FACTOR] = [8, 64, 32];
/** Magnitude of Phi-3, for twice the context that it was first trained on (arXiv 2402.13753), which is 256 here. */
const LONGROPE_MAGNITUDE = Math.sqrt(1 + Math.log(2) / Math.log(256));
/** Caps of Gemma 2, so low that random weights come near them. */
const CAPS = [
  ['attn_logit_softcapping', 2],
  ['final_logit_softcapping', 5],
] as const;
/** Functions that make weights of a router's logits. */
const [SOFTMAX, SIGMOID] = [1, 2];
/** Types of tokens. */
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

export interface RandomGgufOptions {
  seed?: number;
  /** Format of the feed-forward networks; default that of the other matrices. */
  rows?: RowFormat;
}

/**
 * Writes a new file and returns its bytes; the file is safe on disk then. `format` is that of the matrices. The same
 * arguments give the same file.
 */
export function writeRandomGguf(
  path: string,
  shape: ModelShape,
  format: RowFormat,
  { seed = 1, rows = format }: RandomGgufOptions = {},
): number {
  if (shape.family === 'opt') throw new RangeError('an OPT model cannot be a GGUF file');
  const family = GGUF_FAMILIES[shape.family];
  const weights = new RandomWeights(seed);
  function* contentsOf(tensor: Tensor): Generator<Uint8Array> {
    const { columns, dimensions, format, negative = false } = tensor;
    if (columns === null) {
      yield weights.norm(dimensions[0], negative);
      return;
    }
    const piece = PIECE_BLOCKS * FORMATS[format].blockBytes;
    for (let left = tensorBytes(tensor); left > 0; left -= piece)
      yield weights.next(format, columns, Math.min(left, piece));
  }
  const entries = [...metadata(shape, family), ...vocabulary(shape.vocabSize)];
  return writeGguf(path, entries, tensorsOf(shape, family, format, rows), contentsOf);
}

function metadata(
  shape: ModelShape,
  { architecture, expertLengthKey, falcon, gptOss, gemma, phi3 }: GgufFamilyTraits,
): GgufEntry[] {
  const { experts } = shape;
  const key = (suffix: string) => `${architecture}.${suffix}`;
  const shared = experts?.sharedIntermediateSize;
  return [
    text('general.architecture', architecture),
    text('general.name', 'random weights'),
    u32('general.quantization_version', 2),
    u32(key('context_length'), shape.contextLength),
    u32(key('embedding_length'), shape.hiddenSize),
    u32(key('block_count'), shape.numLayers + (shape.deltaNet?.predictionLayers ?? 0)),
    u32(key('feed_forward_length'), experts && !expertLengthKey ? experts.intermediateSize : shape.intermediateSize),
    u32(key('attention.head_count'), shape.numAttentionHeads),
    u32(key('attention.head_count_kv'), shape.numKeyValueHeads),
    u32(key('attention.key_length'), shape.headDim),
    u32(key('attention.value_length'), shape.latent?.latentDim ?? shape.headDim),
    f32(key(`attention.layer_norm_${falcon ? '' : 'rms_'}epsilon`), 1e-5),
    u32(key('rope.dimension_count'), shape.deltaNet?.rotaryDim ?? shape.latent?.rotaryDim ?? shape.headDim),
    f32(key('rope.freq_base'), shape.ropeTheta),
    ...(shape.deltaNet ? deltaNetEntries(key, shape.deltaNet) : []),
    ...(shape.latent ? latentEntries(key, shape.latent, experts!) : []),
    ...(gptOss || gemma ? [u32(key('attention.sliding_window'), WINDOW)] : []),
    ...(phi3
      ? [
          u32(key('rope.scaling.original_context_length'), shape.contextLength / 2),
          f32(key('rope.scaling.attn_factor'), LONGROPE_MAGNITUDE),
        ]
      : []),
    ...(architecture === 'gemma2' ? CAPS.map(([name, cap]) => f32(key(name), cap)) : []),
    ...(gptOss
      ? [
          text(key('rope.scaling.type'), 'yarn'),
          f32(key('rope.scaling.factor'), YARN_FACTOR),
          u32(key('rope.scaling.original_context_length'), YARN_CONTEXT),
        ]
      : []),
    ...(experts
      ? [
          u32(key('expert_count'), experts.numExperts),
          u32(key('expert_used_count'), experts.numExpertsPerToken),
          ...(expertLengthKey ? [u32(key('expert_feed_forward_length'), experts.intermediateSize)] : []),
          ...(shared && !shape.latent ? [u32(key('expert_shared_feed_forward_length'), shared)] : []),
        ]
      : []),
    // A model without the key has SiLU.
    ...(shape.activation === 'relu' ? [text(key('hidden_act'), 'relu')] : []),
  ];
}

function deltaNetEntries(key: (suffix: string) => string, shape: DeltaNetShape): GgufEntry[] {
  const { keyHeads, valueHeads, stateSize, attentionInterval, rotaryDim, predictionLayers } = shape;
  // A text's three positions are the same, whatever share of the pairs each of them turns.
  const share = Math.floor(rotaryDim / 6);
  return [
    u32(key('ssm.conv_kernel'), CONV_KERNEL),
    u32(key('ssm.state_size'), stateSize),
    u32(key('ssm.group_count'), keyHeads),
    u32(key('ssm.time_step_rank'), valueHeads),
    u32(key('ssm.inner_size'), valueHeads * stateSize),
    u32(key('full_attention_interval'), attentionInterval),
    integers(key('rope.dimension_sections'), [share, share, rotaryDim / 2 - 2 * share, 0]),
    u32(key('nextn_predict_layers'), predictionLayers),
  ];
}

/** `experts` of this family are routed as `latent` says. */
function latentEntries(key: (suffix: string) => string, latent: LatentShape, experts: ExpertsShape): GgufEntry[] {
  const { latentDim, keyDim, rotaryDim, valueDim, queryRank } = latent;
  return [
    u32(key('attention.kv_lora_rank'), latentDim),
    u32(key('attention.q_lora_rank'), queryRank ?? 0),
    u32(key('attention.key_length_mla'), keyDim + rotaryDim),
    u32(key('attention.value_length_mla'), valueDim),
    u32(key('leading_dense_block_count'), experts.leadingDenseLayers ?? 0),
    u32(key('expert_shared_count'), (experts.sharedIntermediateSize ?? 0) / experts.intermediateSize),
    u32(key('expert_gating_func'), queryRank ? SIGMOID : SOFTMAX),
    f32(key('expert_weights_scale'), 1),
  ];
}

function vocabulary(vocabSize: number): GgufEntry[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const words = Array.from({ length: vocabSize - bytes.length - 3 }, (_, i) => `\u2581t${i}`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...words];
  return [
    text('tokenizer.ggml.model', 'llama'),
    texts('tokenizer.ggml.tokens', tokens),
    floats(
      'tokenizer.ggml.scores',
      tokens.map((_, i) => -i),
    ),
    integers('tokenizer.ggml.token_type', [
      UNKNOWN,
      CONTROL,
      CONTROL,
      ...bytes.map(() => BYTE),
      ...words.map(() => NORMAL),
    ]),
    u32('tokenizer.ggml.unknown_token_id', 0),
    u32('tokenizer.ggml.bos_token_id', 1),
    u32('tokenizer.ggml.eos_token_id', 2),
  ];
}
