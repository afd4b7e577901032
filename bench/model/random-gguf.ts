import { FORMATS, type RowFormat } from '../../native-bridge/formats.js';
import { GGUF_FAMILIES, type GgufFamilyTraits } from './gguf-families.js';
import {
  f32,
  floats,
  type GgufEntry,
  type GgufTensor,
  integers,
  tensorBytes,
  text,
  texts,
  u32,
  writeGguf,
} from './gguf-file.js';
import { RandomWeights } from './random-weights.js';
import type { ModelShape } from './shapes.js';

/* A model of random weights as a GGUF file, with a SentencePiece vocabulary of made-up words: what llama.cpp and flashrow load alike. */

/** Written at once; a multiple of every format's block. */
const PIECE_BLOCKS = 1 << 18;
/** Biases are spread like the outputs of a matrix of so many columns. */
const BIAS_COLUMNS = 4;
/** Of gpt-oss and Gemma, so small that a short prompt leaves them: positions that a layer with a window sees, and positions before YaRN. */
const [WINDOW, YARN_CONTEXT, YARN_FACTOR] = [8, 64, 32];
/** Of Phi-3, for twice the context that it was first trained on (arXiv 2402.13753), which is 256 here. */
const LONGROPE_MAGNITUDE = Math.sqrt(1 + Math.log(2) / Math.log(256));
/** Of Gemma 2, so low that random weights come near them. */
const CAPS = [
  ['attn_logit_softcapping', 2],
  ['final_logit_softcapping', 5],
] as const;
/** Types of tokens. */
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

interface Tensor extends GgufTensor {
  /** Weights that are summed into one output; null for norms. */
  columns: number | null;
}

export interface RandomGgufOptions {
  seed?: number;
  /** Of the feed-forward networks, where it differs from the rest. */
  rows?: RowFormat;
}

/** Writes a new file, safe on disk when it returns, and gives its bytes. `format` is that of matrices; routers, norms and biases are f32. The same arguments give the same file. */
export function writeRandomGguf(
  path: string,
  shape: ModelShape,
  format: RowFormat,
  { seed = 1, rows = format }: RandomGgufOptions = {},
): number {
  if (shape.family === 'opt') throw new RangeError('an OPT is no GGUF file');
  const family = GGUF_FAMILIES[shape.family];
  const weights = new RandomWeights(seed);
  function* contentsOf(tensor: Tensor): Generator<Uint8Array> {
    const { columns, dimensions, format } = tensor;
    if (columns === null) {
      yield weights.norm(dimensions[0]);
      return;
    }
    const piece = PIECE_BLOCKS * FORMATS[format].blockBytes;
    for (let left = tensorBytes(tensor); left > 0; left -= piece)
      yield weights.next(format, columns, Math.min(left, piece));
  }
  const entries = [...metadata(shape, family), ...vocabulary(shape.vocabSize)];
  return writeGguf(path, entries, tensorsOf(shape, family, format, rows), contentsOf);
}

const matrix = (format: RowFormat, name: string, ...dimensions: number[]): Tensor => ({
  name: `${name}.weight`,
  dimensions,
  format,
  columns: dimensions[0],
});
const vector = (name: string, length: number, columns: number | null): Tensor => ({
  name,
  dimensions: [length],
  format: 'f32',
  columns,
});
const norm = (name: string, length: number) => vector(`${name}.weight`, length, null);
/** Over the hidden size; Falcon's have biases. */
const hiddenNorm = ({ hiddenSize }: ModelShape, { falcon }: GgufFamilyTraits, name: string): Tensor[] => [
  norm(name, hiddenSize),
  ...(falcon ? [vector(`${name}.bias`, hiddenSize, BIAS_COLUMNS)] : []),
];

function tensorsOf(shape: ModelShape, family: GgufFamilyTraits, format: RowFormat, rows: RowFormat): Tensor[] {
  const { hiddenSize, numLayers, headDim, vocabSize } = shape;
  const layers = Array.from({ length: numLayers }, (_, layer) => {
    const block = `blk.${layer}`;
    return [
      ...attention(shape, family, format, block),
      ...(family.gemma ? [norm(`${block}.post_attention_norm`, hiddenSize)] : []),
      ...(family.falcon
        ? []
        : hiddenNorm(shape, family, `${block}.${family.gptOss ? 'post_attention_norm' : 'ffn_norm'}`)),
      ...(family.gemma ? [norm(`${block}.post_ffw_norm`, hiddenSize)] : []),
      ...(shape.experts
        ? mixture(hiddenSize, shape.experts, family, format, rows, block)
        : network(shape, family, rows, block)),
    ];
  });
  return [
    matrix(format, 'token_embd', hiddenSize, vocabSize),
    ...(family.phi3 ? ['rope_factors_short', 'rope_factors_long'].map((name) => norm(name, headDim / 2)) : []),
    ...layers.flat(),
    ...hiddenNorm(shape, family, 'output_norm'),
    ...(shape.tiedEmbeddings ? [] : [matrix(format, 'output', hiddenSize, vocabSize)]),
  ];
}

function attention(shape: ModelShape, family: GgufFamilyTraits, format: RowFormat, block: string): Tensor[] {
  const { hiddenSize, headDim } = shape;
  const querySize = headDim * shape.numAttentionHeads;
  const keyValueSize = headDim * shape.numKeyValueHeads;
  const [queryNorm, keyNorm] = family.queryKeyNorm === 'all' ? [querySize, keyValueSize] : [headDim, headDim];
  const projection = (name: string, length: number): Tensor[] => [
    matrix(format, name, hiddenSize, length),
    ...(family.queryKeyValueBiases ? [vector(`${name}.bias`, length, BIAS_COLUMNS)] : []),
  ];
  return [
    ...hiddenNorm(shape, family, `${block}.attn_norm`),
    ...(family.falcon === 'two norms' ? hiddenNorm(shape, family, `${block}.attn_norm_2`) : []),
    ...(family.falcon || family.phi3
      ? [matrix(format, `${block}.attn_qkv`, hiddenSize, querySize + 2 * keyValueSize)]
      : [
          ...projection(`${block}.attn_q`, querySize),
          ...projection(`${block}.attn_k`, keyValueSize),
          ...projection(`${block}.attn_v`, keyValueSize),
        ]),
    ...(family.queryKeyNorm ? [norm(`${block}.attn_q_norm`, queryNorm), norm(`${block}.attn_k_norm`, keyNorm)] : []),
    matrix(format, `${block}.attn_output`, querySize, hiddenSize),
    ...(family.gptOss
      ? [
          vector(`${block}.attn_output.bias`, hiddenSize, BIAS_COLUMNS),
          vector(`${block}.attn_sinks.weight`, shape.numAttentionHeads, BIAS_COLUMNS),
        ]
      : []),
  ];
}

const network = (
  { hiddenSize, intermediateSize }: ModelShape,
  { falcon, phi3 }: GgufFamilyTraits,
  rows: RowFormat,
  block: string,
): Tensor[] => [
  ...(falcon || phi3 ? [] : [matrix(rows, `${block}.ffn_gate`, hiddenSize, intermediateSize)]),
  matrix(rows, `${block}.ffn_up`, hiddenSize, (phi3 ? 2 : 1) * intermediateSize),
  matrix(rows, `${block}.ffn_down`, intermediateSize, hiddenSize),
];

function mixture(
  hiddenSize: number,
  { numExperts, intermediateSize: neurons, sharedIntermediateSize: shared }: NonNullable<ModelShape['experts']>,
  { gptOss }: GgufFamilyTraits,
  format: RowFormat,
  rows: RowFormat,
  block: string,
): Tensor[] {
  const biases = (name: string, length: number): Tensor[] =>
    gptOss ? [{ name: `${name}.bias`, dimensions: [length, numExperts], format: 'f32', columns: BIAS_COLUMNS }] : [];
  const sharedExpert = shared
    ? [
        vector(`${block}.ffn_gate_inp_shexp.weight`, hiddenSize, hiddenSize),
        matrix(format, `${block}.ffn_gate_shexp`, hiddenSize, shared),
        matrix(format, `${block}.ffn_up_shexp`, hiddenSize, shared),
        matrix(format, `${block}.ffn_down_shexp`, shared, hiddenSize),
      ]
    : [];
  return [
    matrix('f32', `${block}.ffn_gate_inp`, hiddenSize, numExperts),
    matrix(rows, `${block}.ffn_gate_exps`, hiddenSize, neurons, numExperts),
    matrix(rows, `${block}.ffn_up_exps`, hiddenSize, neurons, numExperts),
    matrix(rows, `${block}.ffn_down_exps`, neurons, hiddenSize, numExperts),
    ...(gptOss ? [vector(`${block}.ffn_gate_inp.bias`, numExperts, BIAS_COLUMNS)] : []),
    ...biases(`${block}.ffn_gate_exps`, neurons),
    ...biases(`${block}.ffn_up_exps`, neurons),
    ...biases(`${block}.ffn_down_exps`, hiddenSize),
    ...sharedExpert,
  ];
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
    u32(key('block_count'), shape.numLayers),
    u32(key('feed_forward_length'), experts && !expertLengthKey ? experts.intermediateSize : shape.intermediateSize),
    u32(key('attention.head_count'), shape.numAttentionHeads),
    u32(key('attention.head_count_kv'), shape.numKeyValueHeads),
    u32(key('attention.key_length'), shape.headDim),
    u32(key('attention.value_length'), shape.headDim),
    f32(key(`attention.layer_norm_${falcon ? '' : 'rms_'}epsilon`), 1e-5),
    u32(key('rope.dimension_count'), shape.headDim),
    f32(key('rope.freq_base'), shape.ropeTheta),
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
          ...(shared ? [u32(key('expert_shared_feed_forward_length'), shared)] : []),
        ]
      : []),
    // Without the key it is SiLU.
    ...(shape.activation === 'relu' ? [text(key('hidden_act'), 'relu')] : []),
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
