import { basename } from 'node:path';
import { FlashrowError } from '../errors.js';
import { describeGguf, type SourceTensors } from '../model/architectures.js';
import { Fields, shown } from '../model/fields.js';
import type { Checkpoint, GgufVocabulary } from './checkpoint.js';
import { SourceDigest } from './digest.js';
import { type OpenFile, withFile } from './files.js';
import { type GgufHeader, type GgufTensorInfo, readGgufHeader } from './gguf-header.js';
import { ggmlType } from './gguf-types.js';
import { readVocabulary } from './gguf-vocabulary.js';
import { numRows, TensorReader } from './read.js';
import { blockOf, checkPlacement, damaged, isReadable, resolveTensors, type SourceTensor } from './source-tensor.js';

const DEFAULT_ALIGNMENT = 32;
/** Tensors that are read while a checkpoint opens hold a value or so per dimension of a head. */
const MAX_INLINE_BYTES = 2 ** 20;

/** Opens a GGUF file: header read and checked, data untouched. Throws CORRUPT or UNSUPPORTED. */
export function openGguf(path: string): Checkpoint {
  return withFile(path, (file) => {
    const header = readGgufHeader(file);
    const metadata = new Fields(path, (key) => header.metadata.get(key));
    const parts = metadata.raw('split.count');
    if (parts !== undefined && parts !== 0 && parts !== 1)
      throw metadata.unsupported(
        'split.count',
        `is ${shown(parts)}: the model is split over files; merge them first (llama-gguf-split --merge)`,
      );
    if (header.tensors.length === 0)
      throw new FlashrowError('UNSUPPORTED', `${path} holds a vocabulary but no weights; give the model's own file`, {
        path,
      });

    const found = sourceTensors(file, header, metadata);
    const description = describeGguf(metadata.text('general.name') ?? basename(path, '.gguf'), metadata, lookup(found));
    const tensors = resolveTensors(path, description, found);
    const vocabulary = readVocabulary(path, header.metadata);
    if (vocabulary.tokens.length > description.spec.vocabSize)
      throw metadata.corrupt(
        'tokenizer.ggml.tokens',
        `lists ${vocabulary.tokens.length} tokens; the embedding has rows for ${description.spec.vocabSize}`,
      );

    const digest = new SourceDigest();
    digest.addHeader(file, header.headerBytes);
    digest.addSamples(tensors.values());
    return {
      kind: 'gguf',
      path,
      files: [{ path, bytes: file.size, headerBytes: header.headerBytes }],
      digest: digest.hex(),
      spec: description.spec,
      tensors,
      vocabulary,
    };
  });
}

/** The vocabulary alone, whatever the architecture. */
export function openGgufVocabulary(path: string): GgufVocabulary {
  return withFile(path, (file) => readVocabulary(path, readGgufHeader(file).metadata));
}

function sourceTensors(file: OpenFile, header: GgufHeader, metadata: Fields): Map<string, SourceTensor> {
  const alignment = metadata.size('general.alignment', DEFAULT_ALIGNMENT);
  if ((alignment & (alignment - 1)) !== 0)
    throw metadata.corrupt('general.alignment', `is ${alignment}; it should be a power of two`);
  const dataOffset = Math.ceil(header.headerBytes / alignment) * alignment;
  const tensors = new Map<string, SourceTensor>();
  for (const info of header.tensors) {
    if (info.offset % alignment !== 0)
      throw damaged(
        file.path,
        info.name,
        `begins at byte ${info.offset} of the data, which is not a multiple of ${alignment}`,
      );
    tensors.set(info.name, sourceTensor(file.path, info, dataOffset));
  }
  checkPlacement(file.path, file.size, [...tensors.values()]);
  return tensors;
}

function sourceTensor(
  path: string,
  { name, dimensions, type, offset }: GgufTensorInfo,
  dataOffset: number,
): SourceTensor {
  const weights = dimensions.reduce((product, size) => product * size, 1);
  if (weights === 0 || weights > Number.MAX_SAFE_INTEGER)
    throw damaged(path, name, `is of shape [${dimensions}], which cannot be`);
  const { name: typeName, format } = ggmlType(type);
  const { blockSize, blockBytes } = blockOf(format ?? 'f32');
  if (format !== null && dimensions[0] % blockSize !== 0)
    throw damaged(path, name, `has rows of ${dimensions[0]} weights; ${typeName} comes in blocks of ${blockSize}`);
  return {
    sourceName: name,
    shape: dimensions.toReversed(),
    type: typeName,
    format,
    path,
    offset: dataOffset + offset,
    // A type that cannot be read has no known size; such a file is refused anyway.
    bytes: format === null ? 0 : (weights / blockSize) * blockBytes,
  };
}

/** What an architecture may ask about the tensors while it reads the metadata. */
const lookup = (found: ReadonlyMap<string, SourceTensor>): SourceTensors => ({
  shape: (name) => found.get(name)?.shape ?? null,
  floats(name) {
    const tensor = found.get(name)!;
    if (!isReadable(tensor) || tensor.bytes > MAX_INLINE_BYTES)
      throw damaged(
        tensor.path,
        name,
        `is of type ${tensor.type} and shape [${tensor.shape}]; a short list of numbers was expected`,
      );
    const reader = new TensorReader();
    try {
      return reader.readFloats(tensor, 0, numRows(tensor));
    } finally {
      reader.close();
    }
  },
});
