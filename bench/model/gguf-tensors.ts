import type { RowFormat } from '../../native-bridge/formats.js';
import type { GgufFamilyTraits } from './gguf-families.js';
import type { GgufTensor } from './gguf-file.js';
import type { DeltaNetShape, LatentShape, ModelShape } from './shapes.js';

/* The tensors of a random model, as a GGUF file lists them. */

/** Biases are spread like the outputs of a matrix with so many columns. */
const BIAS_COLUMNS = 4;
/** Tokens that the convolution of a delta net sees. */
export const CONV_KERNEL = 4;

export interface Tensor extends GgufTensor {
  /** Weights that are summed into one output; null for norms. */
  columns: number | null;
  /** Decays of a state are below 0. */
  negative?: boolean;
}

type MakeMatrix = (name: string, ...dimensions: number[]) => Tensor;

/** Makes the tensors of one model. `name` is without its `.weight` or `.bias`. */
interface Makers {
  shape: ModelShape;
  family: GgufFamilyTraits;
  matrix: MakeMatrix;
  /** Matrices of the streamed half. */
  streamed: MakeMatrix;
  router: MakeMatrix;
}

const matrixIn =
  (format: RowFormat): MakeMatrix =>
  (name, ...dimensions) => ({ name: `${name}.weight`, dimensions, format, columns: dimensions[0] });

const vector = (name: string, length: number, columns: number | null): Tensor => ({
  name,
  dimensions: [length],
  format: 'f32',
  columns,
});

const bias = (name: string, length: number): Tensor => vector(`${name}.bias`, length, BIAS_COLUMNS);
const norm = (name: string, length: number): Tensor => vector(`${name}.weight`, length, null);

/**
 * All tensors of a model. `format` is that of the matrices, `rows` that of the streamed ones; routers, norms and biases
 * are f32.
 */
export function tensorsOf(shape: ModelShape, family: GgufFamilyTraits, format: RowFormat, rows: RowFormat): Tensor[] {
  const { hiddenSize, numLayers, headDim, vocabSize } = shape;
  const make = { shape, family, matrix: matrixIn(format), streamed: matrixIn(rows), router: matrixIn('f32') };
  return [
    make.matrix('token_embd', hiddenSize, vocabSize),
    ...(family.phi3 ? ['rope_factors_short', 'rope_factors_long'].map((name) => norm(name, headDim / 2)) : []),
    ...Array.from({ length: numLayers }, (_, layer) => layerTensors(make, layer)).flat(),
    ...Array.from({ length: shape.deltaNet?.predictionLayers ?? 0 }, (_, i) =>
      predictionTensors(make, numLayers + i),
    ).flat(),
    ...hiddenNorm(make, 'output_norm'),
    ...(shape.tiedEmbeddings ? [] : [make.matrix('output', hiddenSize, vocabSize)]),
  ];
}

function layerTensors(make: Makers, layer: number): Tensor[] {
  const block = `blk.${layer}`;
  const { hiddenSize, deltaNet, latent, experts, numLayers } = make.shape;
  const mixture = experts && layer >= (experts.leadingDenseLayers ?? 0);
  const { falcon, gptOss, gemma, hybrid } = make.family;
  const recurrent = deltaNet && layer < numLayers && (layer + 1) % deltaNet.attentionInterval !== 0;
  return [
    ...hiddenNorm(make, `${block}.attn_norm`),
    ...(falcon === 'two norms' ? hiddenNorm(make, `${block}.attn_norm_2`) : []),
    ...(recurrent ? deltaNetTensors(make, block, deltaNet) : []),
    ...(latent ? latentTensors(make, block, latent) : []),
    ...(recurrent || latent ? [] : attentionTensors(make, block)),
    ...(gemma ? [norm(`${block}.post_attention_norm`, hiddenSize)] : []),
    ...(falcon ? [] : hiddenNorm(make, `${block}.${gptOss || hybrid ? 'post_attention_norm' : 'ffn_norm'}`)),
    ...(gemma ? [norm(`${block}.post_ffw_norm`, hiddenSize)] : []),
    ...(mixture ? expertTensors(make, block, experts) : feedForwardTensors(make, block)),
  ];
}

/** A block that foretells the token after the next: a layer with attention, and what joins its two inputs. */
function predictionTensors(make: Makers, layer: number): Tensor[] {
  const { hiddenSize } = make.shape;
  const block = `blk.${layer}`;
  return [
    ...layerTensors(make, layer),
    make.matrix(`${block}.nextn.eh_proj`, 2 * hiddenSize, hiddenSize),
    ...['enorm', 'hnorm', 'shared_head_norm'].map((name) => norm(`${block}.nextn.${name}`, hiddenSize)),
  ];
}

function deltaNetTensors({ shape, matrix }: Makers, block: string, deltaNet: DeltaNetShape): Tensor[] {
  const { hiddenSize } = shape;
  const { keyHeads, valueHeads, stateSize } = deltaNet;
  const [keys, values] = [keyHeads * stateSize, valueHeads * stateSize];
  const width = 2 * keys + values;
  return [
    matrix(`${block}.attn_qkv`, hiddenSize, width),
    matrix(`${block}.attn_gate`, hiddenSize, values),
    { name: `${block}.ssm_conv1d.weight`, dimensions: [CONV_KERNEL, width], format: 'f32', columns: CONV_KERNEL },
    matrix(`${block}.ssm_alpha`, hiddenSize, valueHeads),
    matrix(`${block}.ssm_beta`, hiddenSize, valueHeads),
    bias(`${block}.ssm_dt`, valueHeads),
    { ...norm(`${block}.ssm_a`, valueHeads), name: `${block}.ssm_a`, negative: true },
    norm(`${block}.ssm_norm`, stateSize),
    matrix(`${block}.ssm_out`, values, hiddenSize),
  ];
}

function latentTensors({ shape, matrix }: Makers, block: string, latent: LatentShape): Tensor[] {
  const { hiddenSize, numAttentionHeads: heads } = shape;
  const { latentDim, keyDim, rotaryDim, valueDim, queryRank } = latent;
  const queries = heads * (keyDim + rotaryDim);
  return [
    ...(queryRank
      ? [
          matrix(`${block}.attn_q_a`, hiddenSize, queryRank),
          norm(`${block}.attn_q_a_norm`, queryRank),
          matrix(`${block}.attn_q_b`, queryRank, queries),
        ]
      : [matrix(`${block}.attn_q`, hiddenSize, queries)]),
    matrix(`${block}.attn_kv_a_mqa`, hiddenSize, latentDim + rotaryDim),
    norm(`${block}.attn_kv_a_norm`, latentDim),
    matrix(`${block}.attn_k_b`, keyDim, latentDim, heads),
    matrix(`${block}.attn_v_b`, latentDim, valueDim, heads),
    matrix(`${block}.attn_output`, heads * valueDim, hiddenSize),
  ];
}

const hiddenNorm = ({ shape, family }: Makers, name: string): Tensor[] => [
  norm(name, shape.hiddenSize),
  ...(family.falcon ? [bias(name, shape.hiddenSize)] : []),
];

function attentionTensors({ shape, family, matrix }: Makers, block: string): Tensor[] {
  const { hiddenSize, headDim, numAttentionHeads } = shape;
  const querySize = headDim * numAttentionHeads;
  const keyValueSize = headDim * shape.numKeyValueHeads;
  const [queryNorm, keyNorm] = family.queryKeyNorm === 'all' ? [querySize, keyValueSize] : [headDim, headDim];
  const projection = (name: string, length: number): Tensor[] => [
    matrix(name, hiddenSize, length),
    ...(family.queryKeyValueBiases ? [bias(name, length)] : []),
  ];
  return [
    ...(family.falcon || family.phi3
      ? [matrix(`${block}.attn_qkv`, hiddenSize, querySize + 2 * keyValueSize)]
      : [
          // A gate as wide as the queries lies between them, head by head.
          ...projection(`${block}.attn_q`, family.hybrid ? 2 * querySize : querySize),
          ...projection(`${block}.attn_k`, keyValueSize),
          ...projection(`${block}.attn_v`, keyValueSize),
        ]),
    ...(family.queryKeyNorm ? [norm(`${block}.attn_q_norm`, queryNorm), norm(`${block}.attn_k_norm`, keyNorm)] : []),
    matrix(`${block}.attn_output`, querySize, hiddenSize),
    ...(family.gptOss
      ? [
          bias(`${block}.attn_output`, hiddenSize),
          vector(`${block}.attn_sinks.weight`, numAttentionHeads, BIAS_COLUMNS),
        ]
      : []),
  ];
}

function feedForwardTensors({ shape, family, streamed }: Makers, block: string): Tensor[] {
  const { hiddenSize, intermediateSize } = shape;
  return [
    ...(family.falcon || family.phi3 ? [] : [streamed(`${block}.ffn_gate`, hiddenSize, intermediateSize)]),
    streamed(`${block}.ffn_up`, hiddenSize, (family.phi3 ? 2 : 1) * intermediateSize),
    streamed(`${block}.ffn_down`, intermediateSize, hiddenSize),
  ];
}

function expertTensors(
  { shape, family, matrix, streamed, router }: Makers,
  block: string,
  { numExperts, intermediateSize: neurons, sharedIntermediateSize: shared }: NonNullable<ModelShape['experts']>,
): Tensor[] {
  const { hiddenSize } = shape;
  const biases = (name: string, length: number): Tensor => ({
    name: `${name}.bias`,
    dimensions: [length, numExperts],
    format: 'f32',
    columns: BIAS_COLUMNS,
  });
  return [
    router(`${block}.ffn_gate_inp`, hiddenSize, numExperts),
    streamed(`${block}.ffn_gate_exps`, hiddenSize, neurons, numExperts),
    streamed(`${block}.ffn_up_exps`, hiddenSize, neurons, numExperts),
    streamed(`${block}.ffn_down_exps`, neurons, hiddenSize, numExperts),
    ...(family.gptOss
      ? [
          bias(`${block}.ffn_gate_inp`, numExperts),
          biases(`${block}.ffn_gate_exps`, neurons),
          biases(`${block}.ffn_up_exps`, neurons),
          biases(`${block}.ffn_down_exps`, hiddenSize),
        ]
      : []),
    ...(shape.latent?.queryRank ? [bias(`${block}.exp_probs_b`, numExperts)] : []),
    ...(shared
      ? [
          ...(shape.latent ? [] : [vector(`${block}.ffn_gate_inp_shexp.weight`, hiddenSize, hiddenSize)]),
          matrix(`${block}.ffn_gate_shexp`, hiddenSize, shared),
          matrix(`${block}.ffn_up_shexp`, hiddenSize, shared),
          matrix(`${block}.ffn_down_shexp`, shared, hiddenSize),
        ]
      : []),
  ];
}
