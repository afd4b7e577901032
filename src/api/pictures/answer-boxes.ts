import type { Piece } from '../../contract/piece.js';
import type { PictureFile } from '../../contract/protocol.js';
import { BoxReader, boxesIn, type GroundedBox } from '../../vision/boxes.js';

/** Finds the boxes that an answer names, for a model that writes such. They are of the last picture of the prompt. */
export class AnswerBoxes {
  #pictures: readonly PictureFile[] = [];
  #reader: BoxReader | null = null;

  /** Comes before the first piece. */
  begin(pictures: readonly PictureFile[]): void {
    const last = pictures.at(-1);
    this.#pictures = pictures;
    this.#reader = last ? new BoxReader(last) : null;
  }

  /** The piece with the boxes that it completes, where there are any. */
  inPiece(piece: Piece): Piece {
    if (this.#reader === null || piece.type !== 'text') return piece;
    const boxes = this.#reader.push(piece.text);
    return boxes.length > 0 ? { ...piece, boxes } : piece;
  }

  /** The boxes of the whole answer, and what is to be said of them; neither without a picture. */
  inAnswer(text: string): { boxes?: GroundedBox[]; warnings: string[] } {
    const last = this.#pictures.at(-1);
    if (!last) return { warnings: [] };
    const boxes = boxesIn(text, last);
    const doubtful =
      boxes.length > 0 && this.#pictures.some(({ width, height }) => width !== last.width || height !== last.height);
    return {
      boxes,
      warnings: doubtful
        ? ['the boxes of the answer are taken as those of the last picture: it does not say which picture they are of']
        : [],
    };
  }
}
