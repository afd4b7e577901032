import { basename } from 'node:path';
import { type OpenFile, withFile } from '../disk/files.js';
import { FlashrowError } from '../errors.js';
import type { SourceTensors } from '../model/architecture.js';
import { describeGguf } from '../model/families/architectures.js';
import { describePrediction } from '../model/families/prediction-block.js';
import { Fields } from '../model/fields.js';
import type { Checkpoint, CheckpointPart, GgufVocabulary } from './checkpoint.js';
import { SourceDigest } from './digest.js';
import { type GgufHeader, type GgufTensorInfo, readGgufHeader } from './gguf-header.js';
import { checkSplit, checkSplitTensors, splitPaths } from './gguf-split.js';
import { ggmlType } from './gguf-types.js';
import { readGgufVocabulary } from './gguf-vocabulary.js';
import { resolveTensors } from './resolve-tensors.js';
import { checkPlacement, damagedTensor, isReadable, type SourceTensor } from './source-tensor.js';
import { blockOf } from './tensor-format.js';
import { numRows, TensorReader } from './tensor-reader.js';

const DEFAULT_ALIGNMENT = 32;
/** The tensors that are read while a checkpoint opens are small: about a value for each dimension of a head. */
const MAX_INLINE_BYTES = 2 ** 20;

/**
 * Opens a GGUF file. For one part of a split model it opens all parts beside it. It reads and checks headers and leaves
 * the data untouched. `part`: what of the model; default all of it. Throws NOT_FOUND for a missing part, CORRUPT or
 * UNSUPPORTED.
 */
export function openGguf(path: string, part: CheckpointPart = 'model'): Checkpoint {
  const paths = splitPaths(path);
  const digest = new SourceDigest();
  const files: Checkpoint['files'] = [];
  const headers: GgufHeader[] = [];
  const found = new Map<string, SourceTensor>();
  for (const [index, piece] of paths.entries()) {
    withFile(piece, (file) => {
      const header = readGgufHeader(file);
      const metadata = new Fields(piece, (key) => header.metadata.get(key));
      checkSplit(metadata, index, paths.length);
      for (const tensor of sourceTensors(file, header, metadata)) {
        const other = found.get(tensor.sourceName);
        if (other) throw damagedTensor(piece, tensor.sourceName, `is in ${other.path} as well`);
        found.set(tensor.sourceName, tensor);
      }
      digest.addHeader(file, header.headerBytes);
      files.push({ path: piece, bytes: file.size, headerBytes: header.headerBytes });
      headers.push(header);
    });
  }
  // The first part describes the model.
  const [first] = paths;
  const metadata = new Fields(first, (key) => headers[0].metadata.get(key));
  checkSplitTensors(metadata, found.size, paths.length);
  if (found.size === 0)
    throw new FlashrowError('UNSUPPORTED', `${first} holds a vocabulary but no weights; give the model's own file`, {
      path: first,
    });

  const describe = part === 'prediction' ? describePrediction : describeGguf;
  const description = describe(metadata.text('general.name') ?? basename(first, '.gguf'), metadata, lookup(found));
  const tensors = resolveTensors(first, description, found);
  const vocabulary = readGgufVocabulary(first, headers[0].metadata);
  if (vocabulary.tokens.length > description.spec.vocabSize)
    throw metadata.corrupt(
      'tokenizer.ggml.tokens',
      `lists ${vocabulary.tokens.length} tokens; the embedding has rows for ${description.spec.vocabSize}`,
    );
  if (part !== 'model') digest.addBytes(Buffer.from(part));
  digest.addSamples(tensors.values());
  const { spec } = description;
  return { kind: 'gguf', path: first, files, digest: digest.hex(), spec, tensors, vocabulary };
}

/** Metadata and all tensors of one GGUF file, whatever they are for. Throws as `openGguf` does. */
export function openGgufFile(path: string): {
  metadata: Fields;
  tensors: ReadonlyMap<string, SourceTensor>;
  /** Hex SHA-256 of the header, and of samples of the tensors. */
  digest: string;
} {
  return withFile(path, (file) => {
    const header = readGgufHeader(file);
    const metadata = new Fields(path, (key) => header.metadata.get(key));
    const tensors = new Map(sourceTensors(file, header, metadata).map((tensor) => [tensor.sourceName, tensor]));
    const digest = new SourceDigest();
    digest.addHeader(file, header.headerBytes);
    digest.addSamples([...tensors.values()].filter(isReadable));
    return { metadata, tensors, digest: digest.hex() };
  });
}

/** The vocabulary alone. Any architecture will do. */
export function openGgufVocabulary(path: string): GgufVocabulary {
  const [first] = splitPaths(path);
  return withFile(first, (file) => readGgufVocabulary(first, readGgufHeader(file).metadata));
}

function sourceTensors(file: OpenFile, header: GgufHeader, metadata: Fields): SourceTensor[] {
  const alignment = metadata.size('general.alignment', DEFAULT_ALIGNMENT);
  if ((alignment & (alignment - 1)) !== 0)
    throw metadata.corrupt('general.alignment', `is ${alignment}; it should be a power of two`);
  const dataOffset = Math.ceil(header.headerBytes / alignment) * alignment;
  const tensors: SourceTensor[] = [];
  for (const info of header.tensors) {
    if (info.offset % alignment !== 0)
      throw damagedTensor(
        file.path,
        info.name,
        `begins at byte ${info.offset} of the data, which is not a multiple of ${alignment}`,
      );
    tensors.push(sourceTensor(file.path, info, dataOffset));
  }
  checkPlacement(file.path, file.size, tensors);
  return tensors;
}

function sourceTensor(
  path: string,
  { name, dimensions, type, offset }: GgufTensorInfo,
  dataOffset: number,
): SourceTensor {
  const weights = dimensions.reduce((product, size) => product * size, 1);
  if (weights === 0 || weights > Number.MAX_SAFE_INTEGER)
    throw damagedTensor(path, name, `is of shape [${dimensions}], which cannot be`);
  const { name: typeName, format } = ggmlType(type, name);
  const { blockSize, blockBytes } = blockOf(format ?? 'f32');
  if (format !== null && dimensions[0] % blockSize !== 0)
    throw damagedTensor(
      path,
      name,
      `has rows of ${dimensions[0]} weights; ${typeName} comes in blocks of ${blockSize}`,
    );
  return {
    sourceName: name,
    shape: dimensions.toReversed(),
    type: typeName,
    format,
    path,
    offset: dataOffset + offset,
    // The size of an unreadable type is not known. Such a file is refused anyway.
    bytes: format === null ? 0 : (weights / blockSize) * blockBytes,
  };
}

/** Answers an architecture's questions about the tensors while it reads the metadata. */
const lookup = (found: ReadonlyMap<string, SourceTensor>): SourceTensors => ({
  shape: (name) => found.get(name)?.shape ?? null,
  floats(name) {
    const tensor = found.get(name)!;
    if (!isReadable(tensor) || tensor.bytes > MAX_INLINE_BYTES)
      throw damagedTensor(
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
