import { FlashrowError, shown } from '../../errors.js';
import type { ExpectedTensor, ModelDescription, SourceTensors } from '../architecture.js';
import { Fields } from '../fields.js';
import type { PredictionSpec } from '../spec.js';
import { JOIN } from '../tensor-names.js';
import { describeGguf } from './architectures.js';
import { renamed } from './text-half.js';

/**
 * GGUF architectures whose block is understood, and what it goes on with after its own predictions: its output as the
 * head reads it (llama.cpp, qwen35moe; vLLM, Qwen3NextMTP), or as it is (vLLM, deepseek_mtp and glm4_moe_mtp).
 */
const KNOWN: Readonly<Record<string, PredictionSpec['chained']>> = {
  qwen35: 'normed',
  qwen35moe: 'normed',
  qwen3next: 'normed',
  glm4moe: 'plain',
  deepseek2: 'plain',
};
/** Keys with an entry for each block. */
const OF_BLOCKS = ['attention.head_count', 'attention.head_count_kv', 'feed_forward_length'];
/** llama.cpp's LLAMA_EXPERT_GATING_FUNC_TYPE_SIGMOID. */
const SIGMOID = 2;

/**
 * The first block of a GGUF file that predicts further tokens (multi-token prediction, arXiv 2412.19437), as a model of
 * one layer: x = eh_proj [enorm(embedding of the next token) | hnorm(the model's normed output)], an ordinary layer of
 * attention, the block's own last norm, the head. Throws UNSUPPORTED for a model without such a block, or with one that
 * is not understood.
 */
export function describePrediction(name: string, metadata: Fields, tensors: SourceTensors): ModelDescription {
  const architecture = metadata.text('general.architecture') ?? '';
  const key = (suffix: string) => `${architecture}.${suffix}`;
  const blocks = metadata.size(key('block_count'));
  const heads = metadata.count(key('nextn_predict_layers'), blocks - 1);
  if (heads === 0) throw refused(metadata, 'has no block that predicts further tokens');
  const chained = Object.hasOwn(KNOWN, architecture) ? KNOWN[architecture] : null;
  if (chained === null)
    throw refused(
      metadata,
      `is of architecture ${shown(architecture)}, whose block that predicts further tokens is not understood; known are those of ${Object.keys(KNOWN).join(', ')}`,
    );
  const block = `blk.${blocks - heads}.`;
  if (!tensors.shape(`${block}nextn.eh_proj.weight`))
    throw refused(metadata, `names ${heads} blocks that predict further tokens, but was made without their tensors`);
  const { outside, inside } = namesIn(block, tensors);
  const described = renamed(
    describeGguf(name, asOneLayer(metadata, key, blocks), {
      shape: (tensor) => tensors.shape(outside(tensor)),
      floats: (tensor) => tensors.floats(outside(tensor)),
    }),
    outside,
    inside,
    // The layers of the model itself.
    new RegExp(`^(?!${block.replaceAll('.', '\\.')})`),
  );
  const { hiddenSize } = described.spec;
  return {
    ...described,
    spec: { ...described.spec, prediction: { chained } },
    tensors: {
      *[Symbol.iterator]() {
        yield* joinTensors(block, hiddenSize);
        yield* described.tensors;
      },
    },
  };
}

/** Names of the block's tensors as those of a model of one layer, and back. */
function namesIn(block: string, tensors: SourceTensors) {
  const has = (name: string) => tensors.shape(name) !== null;
  const places: [string, string][] = [
    ['token_embd.weight', `${block}nextn.embed_tokens.weight`],
    ['output_norm.weight', `${block}nextn.shared_head_norm.weight`],
    ['output.weight', `${block}nextn.shared_head_head.weight`],
  ];
  const own = new Map(places.filter(([, name]) => has(name)));
  // Where the block has an embedding of its own, the model's may still be the head.
  if (own.has('token_embd.weight') && !own.has('output.weight') && !has('output.weight'))
    own.set('output.weight', 'token_embd.weight');
  const shared = new Map([...own].map(([inner, outer]): [string, string] => [outer, inner]));
  return {
    outside: (name: string) => own.get(name) ?? name.replace(/^blk\.0\./, block),
    inside: (name: string) => shared.get(name) ?? (name.startsWith(block) ? `blk.0.${name.slice(block.length)}` : name),
  };
}

/** The metadata of a model whose only layer is the block. */
function asOneLayer(metadata: Fields, key: (suffix: string) => string, blocks: number): Fields {
  const block = blocks - metadata.count(key('nextn_predict_layers'), blocks - 1);
  const changed = new Map<string, unknown>([
    [key('block_count'), 1],
    [key('nextn_predict_layers'), 0],
    [key('leading_dense_block_count'), 0],
    // The block attends, whatever the layers do.
    [key('full_attention_interval'), 1],
  ]);
  if (metadata.raw(key('attention.recurrent_layers')) !== undefined)
    changed.set(key('attention.recurrent_layers'), [false]);
  for (const name of OF_BLOCKS.map(key)) {
    const list = metadata.raw(name);
    if (Array.isArray(list) && list.length === blocks) changed.set(name, [list[block]]);
  }
  // GLM-4.7-Flash without a gating function is known by its number of layers.
  if (
    key('') === 'deepseek2.' &&
    (blocks === 47 || blocks === 48) &&
    metadata.raw(key('expert_gating_func')) === undefined
  )
    changed.set(key('expert_gating_func'), SIGMOID);
  return new Fields(metadata.where, (name) => (changed.has(name) ? changed.get(name) : metadata.raw(name)));
}

const joinTensors = (block: string, hiddenSize: number): ExpectedTensor[] => [
  { name: JOIN.projection, sourceName: `${block}nextn.eh_proj.weight`, shape: [hiddenSize, 2 * hiddenSize] },
  { name: JOIN.tokenNorm, sourceName: `${block}nextn.enorm.weight`, shape: [hiddenSize] },
  { name: JOIN.hiddenNorm, sourceName: `${block}nextn.hnorm.weight`, shape: [hiddenSize] },
  { name: JOIN.outputNorm, sourceName: 'output_norm.weight', shape: [hiddenSize] },
];

const refused = ({ where }: Fields, why: string) =>
  new FlashrowError('UNSUPPORTED', `${where} ${why}, so it cannot draft by \`draft: 'mtp'\``, {
    option: 'draft',
    value: 'mtp',
    path: where,
  });
