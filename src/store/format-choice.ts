import {
  FORMATS,
  isRowFormat,
  isWritableFormat,
  type RowFormat,
  WRITABLE_FORMATS,
  type WritableFormat,
} from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import type { TensorFormat } from '../import/tensor-format.js';

/** `source` keeps a tensor's own bits. */
export type FormatRequest = 'source' | WritableFormat;

/**
 * What a checkpoint's tensor becomes where nothing else is asked for: the nearest format with a kernel that is not coarser. Of those that can be
 * written that is q8_0 for five bits and less: its error is below 0.5% of the weights, q4_1's 3 to 8% (bench/EXPERIMENTS.md, IMPORT-02).
 */
const nearestFormat = (source: TensorFormat): RowFormat =>
  isRowFormat(source) ? source : source === 'bf16' ? 'f32' : 'q8_0';

/** The format that a tensor's weights are read in: its own, or floats for those without a kernel. */
export const decodedFormat = (source: TensorFormat): RowFormat => (isRowFormat(source) ? source : 'f32');

const holdsRow = (format: RowFormat, columns: number) => columns % FORMATS[format].blockSize === 0;

/** Throws BAD_USAGE unless `request` is `source` or a format that can be written. */
export function checkRequest(option: 'rows' | 'dense', request: string): asserts request is FormatRequest {
  if (request === 'source' || isWritableFormat(request)) return;
  const accepted = ['source', ...WRITABLE_FORMATS].join(', ');
  throw new FlashrowError('BAD_USAGE', `${option}: no format is called "${request}"; use one of ${accepted}`, {
    option,
    value: request,
  });
}

/** The format of a matrix with rows of `columns` weights: the one asked for, or f16 where its blocks do not fit the row. */
export function matrixFormat(source: TensorFormat, request: FormatRequest, columns: number): RowFormat {
  const wanted = request === 'source' ? nearestFormat(source) : request;
  return holdsRow(wanted, columns) ? wanted : 'f16';
}

export interface DownChoice {
  orientation: 'by-neuron' | 'by-output';
  format: RowFormat;
}

/**
 * How the down matrix [hiddenSize, intermediateSize] is cut. Neurons that are picked one by one need each one's column as a row, which
 * breaks the source's blocks up: those become q8_0. Others keep the source's rows and blocks. A requested block format
 * that fits no slice of a row is kept by turning the matrix instead, where the columns can hold it.
 */
export function chooseDown(
  source: TensorFormat,
  request: FormatRequest,
  singleNeurons: boolean,
  hiddenSize: number,
  intermediateSize: number,
): DownChoice {
  const kept = nearestFormat(source);
  if (singleNeurons) {
    const turned = request === 'source' && FORMATS[kept].blockSize > 1 ? 'q8_0' : request;
    return { orientation: 'by-neuron', format: matrixFormat(source, turned, hiddenSize) };
  }
  const wanted = request === 'source' ? kept : request;
  if (!holdsRow(wanted, intermediateSize) && holdsRow(wanted, hiddenSize)) {
    return { orientation: 'by-neuron', format: wanted };
  }
  return { orientation: 'by-output', format: matrixFormat(source, request, intermediateSize) };
}
