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

/** `source` keeps the bits of the source where a kernel exists for its format. */
export type FormatRequest = 'source' | WritableFormat;

/**
 * The format of a checkpoint's tensor without a request: the nearest format with a kernel that is not coarser. For five
 * bits or less, the nearest one that can be written is q8_0. Its error is below 0.5% of the weights; q4_1's is 3 to 8%
 * (bench/EXPERIMENTS.md, IMPORT-02).
 */
const nearestFormat = (source: TensorFormat): RowFormat =>
  isRowFormat(source) ? source : source === 'bf16' ? 'f32' : 'q8_0';

/** The format that a tensor's weights are read in: its own, or f32 where its own has no kernel. */
export const decodedFormat = (source: TensorFormat): RowFormat => (isRowFormat(source) ? source : 'f32');

const holdsRow = (format: RowFormat, columns: number) => columns % FORMATS[format].blockSize === 0;

/** Throws BAD_USAGE unless `request` is `source` or a format that flashrow can write. */
export function checkRequest(option: 'rows' | 'dense', request: string): asserts request is FormatRequest {
  if (request === 'source' || isWritableFormat(request)) return;
  const accepted = ['source', ...WRITABLE_FORMATS].join(', ');
  throw new FlashrowError('BAD_USAGE', `${option}: no format is called "${request}"; use one of ${accepted}`, {
    option,
    value: request,
  });
}

/**
 * The format of a matrix with rows of `columns` weights: the requested one, or f16 where its blocks do not fit a row.
 */
export function matrixFormat(source: TensorFormat, request: FormatRequest, columns: number): RowFormat {
  const wanted = request === 'source' ? nearestFormat(source) : request;
  return holdsRow(wanted, columns) ? wanted : 'f16';
}

export interface DownChoice {
  orientation: 'by-neuron' | 'by-output';
  format: RowFormat;
}

/**
 * How the down matrix [hiddenSize, intermediateSize] is cut. With single neurons, each neuron's column becomes a row.
 * That breaks the source's blocks up, and block formats become q8_0. Otherwise the source's rows and blocks stay. Where
 * a requested block format fits no slice of a row but fits a column, the matrix is stored by columns.
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
