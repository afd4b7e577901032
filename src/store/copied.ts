import type { StoreLayout } from './layout.js';

const MOST_NAMED = 3;

/**
 * Names the matrices that are written although the rest of a checkpoint is read in place, and says why; null where
 * there are none.
 */
export function describeCopied(copied: StoreLayout['copied']): string | null {
  if (copied.length === 0) return null;
  const named = copied.slice(0, MOST_NAMED).map(({ tensor, why }) => `${tensor} (${why})`);
  const others = copied.length - named.length;
  const list = others > 0 ? `${named.join(', ')} and ${others} more` : named.join(', ');
  return `written to the cache folder, as they cannot be read in place: ${list}`;
}
