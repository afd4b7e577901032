/*
 * The files of torch.save since PyTorch 1.6: a zip archive without compression, with the pickle of a state dict as
 * data.pkl and the bytes of each storage under data/. Tensors alone are taken from them.
 */

import { fromFdPromise } from 'yauzl';
import { type OpenFile, readExactly } from '../../disk/files.js';
import { FlashrowError } from '../../errors.js';
import { refuseStandIn, startOf } from '../odd-files.js';
import { damagedTensor, type SourceTensor } from '../source-tensor.js';
import type { TensorFormat } from '../tensor-format.js';
import { PickleProblem } from './pickle.js';
import { readStateDict, type TorchTensor } from './state-dict.js';

/** Enough for 100,000 tensors. */
const MOST_PICKLE_BYTES = 64 * 2 ** 20;
const MOST_ENTRIES = 200_000;

/** Bytes of an element, and what flashrow calls its format; null where it is not read. */
const STORAGES: Readonly<Record<string, { bytes: number; format: TensorFormat | null }>> = {
  FloatStorage: { bytes: 4, format: 'f32' },
  HalfStorage: { bytes: 2, format: 'f16' },
  BFloat16Storage: { bytes: 2, format: 'bf16' },
  DoubleStorage: { bytes: 8, format: null },
  LongStorage: { bytes: 8, format: null },
  IntStorage: { bytes: 4, format: null },
  ShortStorage: { bytes: 2, format: null },
  CharStorage: { bytes: 1, format: null },
  ByteStorage: { bytes: 1, format: null },
  BoolStorage: { bytes: 1, format: null },
};

/** Where the bytes of an entry of the archive are. */
interface Place {
  offset: number;
  bytes: number;
}

/** The tensors of a file of PyTorch, from its directory and its pickle. Throws CORRUPT, UNSUPPORTED or IO. */
export async function readTorchFile(file: OpenFile): Promise<SourceTensor[]> {
  const corrupt = (problem: string) =>
    new FlashrowError('CORRUPT', `${file.path} ${problem}; fetch it again`, { path: file.path });
  const unsupported = (problem: string) =>
    new FlashrowError('UNSUPPORTED', `${file.path} ${problem}`, { path: file.path });
  const start = startOf(file);
  refuseStandIn(file.path, start);
  if (start[0] === 0x80)
    throw unsupported('is of PyTorch before 1.6; save it anew with a newer one, or get the model as safetensors');
  const places = await placesIn(file).catch((cause) => {
    throw cause instanceof FlashrowError ? cause : corrupt(`is no sound archive (${cause.message})`);
  });
  const pickles = [...places.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw unsupported('is an archive, and holds no state dict of PyTorch');
  const root = pickles[0].slice(0, -'data.pkl'.length);
  const read = (name: string, most: number): Uint8Array | null => {
    const place = places.get(root + name);
    if (place === undefined) return null;
    if (place.bytes > most) throw corrupt(`has ${place.bytes} bytes of ${name}; at most ${most} make sense`);
    const bytes = new Uint8Array(place.bytes);
    readExactly(file, place.offset, bytes);
    return bytes;
  };
  const order = read('byteorder', 16);
  if (order !== null && Buffer.from(order).toString('latin1') !== 'little')
    throw unsupported('was saved on a big-endian machine; save it anew on another');
  if (places.has(`${root}constants.pkl`)) throw unsupported('is a program of TorchScript; its state dict is needed');
  try {
    return readStateDict(read('data.pkl', MOST_PICKLE_BYTES)!).map((tensor) =>
      sourceTensor(file.path, tensor, places.get(`${root}data/${tensor.key}`)),
    );
  } catch (error) {
    if (!(error instanceof PickleProblem)) throw error;
    throw error.isForeign ? unsupported(error.message) : corrupt(error.message);
  }
}

function sourceTensor(path: string, tensor: TorchTensor, place: Place | undefined): SourceTensor {
  const { name, shape, storage, storageElements, offset } = tensor;
  const element = Object.hasOwn(STORAGES, storage) ? STORAGES[storage] : undefined;
  if (element === undefined)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path}: tensor ${JSON.stringify(name)} is of ${storage}, which is not read`,
      {
        path,
        tensor: name,
        type: storage,
      },
    );
  const elements = shape.reduce((product, size) => product * size, 1);
  if (place === undefined) throw damagedTensor(path, name, 'has no bytes in the file; fetch it again');
  if (place.bytes !== storageElements * element.bytes || offset + elements > storageElements)
    throw damagedTensor(path, name, `has ${place.bytes} bytes in the file, which are not what its shape asks for`);
  return {
    ...{ sourceName: name, shape, type: storage, format: element.format, path },
    offset: place.offset + offset * element.bytes,
    bytes: elements * element.bytes,
  };
}

/** The entries of an archive, none of them compressed. */
async function placesIn(file: OpenFile): Promise<Map<string, Place>> {
  const zip = await fromFdPromise(file.fd, { autoClose: false });
  if (zip.entryCount > MOST_ENTRIES) throw new Error(`it says that it has ${zip.entryCount} entries`);
  const places = new Map<string, Place>();
  for await (const entry of zip.eachEntry()) {
    const name = JSON.stringify(entry.fileName.slice(0, 80));
    if (entry.compressionMethod !== 0 || entry.compressedSize !== entry.uncompressedSize)
      throw new Error(`${name} in it is compressed`);
    const { fileDataStart: offset } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const bytes = entry.uncompressedSize;
    if (offset + bytes > file.size) throw new Error(`${name} in it ends after the file`);
    places.set(entry.fileName, { offset, bytes });
  }
  return places;
}
