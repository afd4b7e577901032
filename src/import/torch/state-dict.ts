import { PickleCall, PickleName, PickleProblem, PickleReference, type PickleValue, readPickle } from './pickle.js';

/** A tensor as a state dict tells of it. */
export interface TorchTensor {
  name: string;
  shape: number[];
  /** The class of its storage, such as HalfStorage, and the storage's name in the file. */
  storage: string;
  key: string;
  /** Elements of the storage, and those before the tensor. */
  storageElements: number;
  offset: number;
}

const TENSOR = 'torch._utils._rebuild_tensor_v2';
const PARAMETER = 'torch._utils._rebuild_parameter';
const STORAGE = /^torch\.(\w+Storage)$/;

const isKnown = (name: string) =>
  name === 'collections.OrderedDict' || name === TENSOR || name === PARAMETER || STORAGE.test(name);

const isSize = (value: PickleValue): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const areSizes = (value: PickleValue): value is number[] => Array.isArray(value) && value.every(isSize);

/** The tensors of a pickle that holds a state dict: names and tensors. Throws PickleProblem. */
export function readStateDict(bytes: Uint8Array): TorchTensor[] {
  const dict = readPickle(bytes, isKnown);
  if (!(dict instanceof Map)) throw new PickleProblem('holds no state dict: no names with tensors', true);
  return [...dict].map(([name, value]) => {
    if (typeof name !== 'string') throw new PickleProblem('has an entry whose name is no text', true);
    return tensorOf(name, value);
  });
}

function tensorOf(name: string, value: PickleValue): TorchTensor {
  const shown = JSON.stringify(name.slice(0, 80));
  if (value instanceof PickleCall && value.name.name === PARAMETER) return tensorOf(name, value.args[0]);
  if (!(value instanceof PickleCall && value.name.name === TENSOR))
    throw new PickleProblem(`has the entry ${shown}, which is no tensor`, true);
  const [reference, offset, shape, strides] = value.args;
  const place = reference instanceof PickleReference ? reference.value : null;
  const [kind, type, key, , storageElements] = Array.isArray(place) ? place : [];
  const storage = type instanceof PickleName ? STORAGE.exec(type.name)?.[1] : undefined;
  const isSound = kind === 'storage' && storage !== undefined && typeof key === 'string' && isSize(storageElements);
  if (!isSound || !isSize(offset) || !areSizes(shape) || !areSizes(strides) || shape.length !== strides.length)
    throw new PickleProblem(`has the tensor ${shown}, whose place makes no sense`);
  if (!isContiguous(shape, strides))
    throw new PickleProblem(`has the tensor ${shown}, which is a turned or spread view; save it as contiguous`, true);
  return { name, shape, storage, key, storageElements, offset };
}

/** Whether elements lie row after row. The step of a dimension of one element says nothing. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
    if (shape[dimension] > 1 && strides[dimension] !== step) return false;
    step *= shape[dimension];
  }
  return true;
}
