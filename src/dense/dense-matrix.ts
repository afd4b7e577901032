import type { ResidentMatrix } from '../../native-bridge/bridge.js';

/**
 * A matrix [rows, columns] of the resident half: in memory, or streamed whenever it is multiplied by, and then as a
 * whole.
 */
export type DenseMatrix = Pick<ResidentMatrix, 'rows' | 'columns' | 'bytes' | 'matmul' | 'dispose'> &
  Partial<Pick<ResidentMatrix, 'multiplyFirst' | 'row'>>;

/** The matrices that the plan leaves on flash. They are multiplied by in a fixed order, once in every pass. */
export interface StreamedMatrices {
  /** Null for a matrix that stays in memory. */
  matrix(name: string): DenseMatrix | null;
  /** Called when a pass begins, before its first matrix. A pass may have ended without the head. */
  beginPass(): void;
}
