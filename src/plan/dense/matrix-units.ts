import { rowBytes } from '../../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../../native-bridge/memory.js';
import { matrixSlotBytes } from '../../../native-bridge/slots.js';
import type { MatrixFootprint } from '../../dense/footprint.js';
import { UNIT_BYTES, UNITS_PER_LAYER } from '../units.js';

/** How a matrix of the resident half would be cut to stream. */
export interface MatrixUnits extends MatrixFootprint {
  rowsPerUnit: number;
  units: number;
  /** Arena bytes of one unit. */
  slotBytes: number;
  /** Bytes of the whole matrix in its file. */
  bytes: number;
}

/** Cuts the matrices into units of about one size, those of one layer as its feed-forward network is. */
export function unitsOfMatrices(matrices: readonly MatrixFootprint[]): MatrixUnits[] {
  const ofLayer = new Map<number, number>();
  for (const matrix of matrices) ofLayer.set(matrix.layer, (ofLayer.get(matrix.layer) ?? 0) + bytesOf(matrix));
  return matrices.map((matrix) => {
    const rowsPerUnit = chooseRows(matrix, Math.min(UNIT_BYTES, ofLayer.get(matrix.layer)! / UNITS_PER_LAYER));
    const [rows, columns] = matrix.shape;
    return {
      ...matrix,
      rowsPerUnit,
      units: Math.ceil(rows / rowsPerUnit),
      slotBytes: matrixSlotBytes({ format: matrix.format, columns, rowsPerUnit }),
      bytes: bytesOf(matrix),
    };
  });
}

const bytesOf = ({ shape: [rows, columns], format }: MatrixFootprint) => rows * rowBytes(format, columns);

/** Rows of a unit: units are alike, and whole device blocks where rows allow it, so that reads need not overlap. */
function chooseRows({ shape: [rows, columns], format }: MatrixFootprint, target: number): number {
  const bytes = rowBytes(format, columns);
  const alike = Math.ceil(rows / Math.ceil((rows * bytes) / target));
  const step = DEVICE_BLOCK / commonDivisor(bytes, DEVICE_BLOCK);
  return Math.min(rows, step <= alike ? Math.ceil(alike / step) * step : alike);
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
