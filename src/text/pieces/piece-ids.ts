import { FlashrowError, shown } from '../../errors.js';
import { isRecord } from '../json-shape.js';

/** tokenizer.json's `model.vocab`: the id of each piece. Throws CORRUPT. */
export function readPieceIds(model: Record<string, unknown>): Map<string, number> {
  if (!isRecord(model.vocab)) throw new FlashrowError('CORRUPT', "tokenizer.json's model has no vocabulary");
  const ids = new Map<string, number>();
  for (const piece in model.vocab) {
    const id = model.vocab[piece];
    ids.set(piece, checkId(id, piece));
  }
  if (ids.size === 0) throw new FlashrowError('CORRUPT', "tokenizer.json's vocabulary is empty");
  return ids;
}

/** Larger than any vocabulary. A larger id is damage, and a list that long would not fit memory. */
const MAX_ID = 2 ** 22;

/** The id, checked. Throws CORRUPT. */
export function checkId(id: unknown, piece: string): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_ID) return id;
  throw new FlashrowError(
    'CORRUPT',
    `tokenizer.json gives ${shown(piece)} the id ${shown(id)}; ids are whole numbers from 0 to ${MAX_ID - 1}`,
    {
      piece,
      id,
    },
  );
}
