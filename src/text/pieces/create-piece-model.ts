import { FlashrowError, shown } from '../../errors.js';
import { isRecord } from '../json-shape.js';
import { PieceEncoder } from './piece-encoder.js';
import type { PieceModel } from './piece-model.js';
import { Unigram } from './unigram.js';
import { WordLevel, WordPiece } from './words.js';

/** The model of a tokenizer.json. A piece never becomes a token of `apart`. Throws CORRUPT or UNSUPPORTED. */
export function createPieceModel(model: unknown, apart: ReadonlySet<string>): PieceModel {
  if (!isRecord(model)) throw new FlashrowError('CORRUPT', 'tokenizer.json has no model');
  switch (model.type ?? 'BPE') {
    case 'BPE':
      return new PieceEncoder(model, apart);
    case 'Unigram':
      return new Unigram(model, apart);
    case 'WordPiece':
      return new WordPiece(model, apart);
    case 'WordLevel':
      return new WordLevel(model, apart);
    default:
      throw new FlashrowError(
        'UNSUPPORTED',
        `tokenizer.json's model has type ${shown(model.type)}; BPE, Unigram, WordPiece and WordLevel are supported`,
        { type: model.type },
      );
  }
}
