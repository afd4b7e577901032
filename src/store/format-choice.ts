import {
  FORMATS,
  isWritableFormat,
  type RowFormat,
  WRITABLE_FORMATS,
  type WritableFormat,
} from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';

/** `source` keeps the bits of the source. */
export type FormatRequest = 'source' | WritableFormat;

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
export function matrixFormat(source: RowFormat, request: FormatRequest, columns: number): RowFormat {
  const wanted = request === 'source' ? source : request;
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
  source: RowFormat,
  request: FormatRequest,
  singleNeurons: boolean,
  hiddenSize: number,
  intermediateSize: number,
): DownChoice {
  if (singleNeurons) {
    const turned = request === 'source' && FORMATS[source].blockSize > 1 ? 'q8_0' : request;
    return { orientation: 'by-neuron', format: matrixFormat(source, turned, hiddenSize) };
  }
  const wanted = request === 'source' ? source : request;
  if (!holdsRow(wanted, intermediateSize) && holdsRow(wanted, hiddenSize)) {
    return { orientation: 'by-neuron', format: wanted };
  }
  return { orientation: 'by-output', format: matrixFormat(source, request, intermediateSize) };
}
