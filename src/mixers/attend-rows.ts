import type { KeyValueCache } from '../../native-bridge/bridge.js';
import type { RowViews } from '../dense/row-views.js';

/** Tokens of one sequence in a pass, as attention sees them. Their keys and values are held, in their order. */
interface AttendingRows {
  readonly row: number;
  readonly position: number;
  readonly tokens: number;
  /** The last tokens stand beside others: the token that each of them follows. */
  readonly after: readonly number[];
}

/**
 * Attention of tokens in a row, and of those beside them: for each of these its keys and values change places with
 * those of the token that it stands beside. So each sees what it would see in the row, summed in the same order. A row
 * of `q` has `queryWidth` numbers, one of `out` `outWidth`.
 */
export function attendRows(
  cache: KeyValueCache,
  layer: number,
  { row, position, tokens, after }: AttendingRows,
  q: RowViews,
  queryWidth: number,
  out: RowViews,
  outWidth: number,
): void {
  const inRow = tokens - after.length;
  cache.attend(layer, position, inRow, q.from(row * queryWidth), out.from(row * outWidth));
  for (let i = 0; i < after.length; i++) {
    const place = position + after[i] + 1;
    const own = inRow + i;
    cache.swap(layer, place, position + own);
    cache.attend(layer, place, 1, q.from((row + own) * queryWidth), out.from((row + own) * outWidth));
    cache.swap(layer, place, position + own);
  }
}
