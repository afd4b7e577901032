import type { RowStream } from '../../native-bridge/bridge.js';
import type { DenseMatrix, StreamedMatrices } from '../dense/dense-matrix.js';
import type { MatrixUnits } from '../plan/dense/matrix-units.js';

/**
 * The matrices of the dense half that pass through the stream's ring. A pass takes them in the order of the ring. The
 * head alone may be left out, in a prompt's chunk that needs no logits, or come again, for the next rows of a chunk.
 */
export class MatricesInRing implements StreamedMatrices {
  readonly #stream: RowStream;
  readonly #streamed: readonly MatrixUnits[];
  #headEntry: number | null;
  /** Whether the ring brings the head next, or will before it brings the next pass. */
  #headDue = false;

  constructor(stream: RowStream, streamed: readonly MatrixUnits[], headEntry: number | null) {
    this.#stream = stream;
    this.#streamed = streamed;
    this.#headEntry = headEntry;
  }

  /** The ring begins anew, with another schedule, in which the head's first unit stands elsewhere. */
  reschedule(headEntry: number | null): void {
    this.#headEntry = headEntry;
    this.#headDue = false;
  }

  beginPass(): void {
    if (this.#headEntry === null) return;
    if (this.#headDue) this.#stream.seekRing(0);
    this.#headDue = true;
  }

  matrix(name: string): DenseMatrix | null {
    const index = this.#streamed.findIndex((matrix) => matrix.name === name);
    if (index < 0) return null;
    const [rows, columns] = this.#streamed[index].shape;
    const isHead = this.#headEntry !== null && index === this.#streamed.length - 1;
    const matmul: DenseMatrix['matmul'] = (x, tokens, y) => this.#stream.multiply(index, x, tokens, y);
    return { rows, columns, bytes: 0, matmul: isHead ? this.#comingAgain(matmul) : matmul, dispose() {} };
  }

  #comingAgain(matmul: DenseMatrix['matmul']): DenseMatrix['matmul'] {
    return (x, tokens, y) => {
      if (!this.#headDue) this.#stream.seekRing(this.#headEntry!);
      // Due again where the product fails: the next pass then begins anew.
      this.#headDue = true;
      matmul(x, tokens, y);
      this.#headDue = false;
    };
  }
}
