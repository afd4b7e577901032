import type { ModelDescription } from '../model/architecture.js';
import type { Fields } from '../model/fields.js';
import { EMBEDDING, HEAD } from '../model/tensor-names.js';
import type { SourceTensor } from './source-tensor.js';
import { isReadable, type ReadableSourceTensor } from './source-tensor.js';
import { TensorReader } from './tensor-reader.js';

/** Models with pictures may have their text half's head under the second name. */
const HEAD_NAMES = ['lm_head.weight', 'language_model.lm_head.weight'];
const PIECE_BYTES = 4 * 2 ** 20;

/**
 * Settles what "tie_word_embeddings" leaves open, as transformers 5 does (modeling_utils.py, tie_weights). A folder may
 * hold the one matrix under either name. Where it holds two that differ, both count, whatever config.json says.
 * Adds to `found` the name that is missing. Throws CORRUPT for a head that is not there and not tied.
 */
export function settleHead(
  description: ModelDescription,
  config: Fields,
  found: Map<string, SourceTensor>,
): ModelDescription {
  const { spec, tensors } = description;
  const embeddingName = firstNamed(tensors, EMBEDDING);
  const headName = HEAD_NAMES.find((name) => found.has(name)) ?? HEAD_NAMES[0];
  const [embedding, head] = [found.get(embeddingName), found.get(headName)];
  if (!spec.tiedEmbeddings) {
    if (embedding && !head)
      throw config.corrupt(
        'tie_word_embeddings',
        `is ${config.raw('tie_word_embeddings') === false ? 'false' : 'missing'}, and there is no ${headName}; fetch the files of the weights again, or set it to true where the model was made so`,
      );
    return description;
  }
  if (!head) return description;
  if (!embedding) {
    found.set(embeddingName, head);
    return description;
  }
  if (isSameMatrix(embedding, head)) return description;
  const untied = { ...spec, tiedEmbeddings: false };
  const own = { name: HEAD, sourceName: headName, shape: [spec.vocabSize, spec.hiddenSize] };
  return {
    ...description,
    spec: untied,
    tensors: {
      *[Symbol.iterator]() {
        yield* tensors;
        yield own;
      },
    },
  };
}

function firstNamed(tensors: ModelDescription['tensors'], wanted: string): string {
  for (const { name, sourceName } of tensors) if (name === wanted) return sourceName;
  throw new Error(`a model was described without its ${wanted}`);
}

/** Compares all bytes, up to the first that differs. */
function isSameMatrix(a: SourceTensor, b: SourceTensor): boolean {
  if (!isReadable(a) || !isReadable(b) || a.format !== b.format || a.bytes !== b.bytes) return false;
  const reader = new TensorReader();
  const piece = (tensor: ReadableSourceTensor, start: number) =>
    Buffer.from(reader.readBytes(tensor, start, Math.min(PIECE_BYTES, tensor.bytes - start)));
  try {
    for (let start = 0; start < a.bytes; start += PIECE_BYTES)
      if (!piece(a, start).equals(piece(b, start))) return false;
    return true;
  } finally {
    reader.close();
  }
}
