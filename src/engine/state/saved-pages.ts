import type { KeyValueCache } from '../../../native-bridge/bridge.js';
import { FlashrowError } from '../../errors.js';
import type { KeptPages } from './kept-pages.js';

/** One layer's keys and values in a sequence. */
export interface SavedLayer {
  cache: KeyValueCache;
  /** The layer within the cache. */
  at: number;
  pageBytes: number;
  /** Which pages it holds; null where it holds all of them. */
  kept: KeptPages | null;
}

/** Writes the pages of some layers that hold `positions` positions in `pages` pages. */
export function savePages(
  layers: readonly SavedLayer[],
  kept: KeptPages | null,
  pages: number,
  write: (bytes: Uint8Array) => void,
): void {
  const held = new Uint8Array(pages);
  for (const page of kept?.held ?? []) held[page] = 1;
  if (kept) write(held);
  const bytes = new Uint8Array(Math.max(...layers.map(({ pageBytes }) => pageBytes)));
  for (const layer of layers)
    for (let page = 0; page < pages; page++) {
      if (layer.kept && !held[page]) continue;
      layer.cache.savePage(layer.at, page, bytes);
      write(bytes.subarray(0, layer.pageBytes));
    }
}

/** Reads what `savePages` wrote of `length` positions. Throws CORRUPT where the pages are not those of such a state. */
export function loadPages(
  layers: readonly SavedLayer[],
  kept: KeptPages | null,
  pages: number,
  length: number,
  read: (into: Uint8Array) => void,
): void {
  const held = new Uint8Array(pages);
  if (kept) read(held);
  const numbers = [...held.keys()].filter((page) => held[page] !== 0);
  if (kept && !kept.restore(numbers, length))
    throw new FlashrowError('CORRUPT', 'the saved state does not hold the pages that its next token sees', {});
  const bytes = new Uint8Array(Math.max(...layers.map(({ pageBytes }) => pageBytes)));
  for (const layer of layers) {
    layer.cache.truncate(layer.at, 0);
    for (let page = 0; page < pages; page++) {
      if (layer.kept && !held[page]) continue;
      const part = bytes.subarray(0, layer.pageBytes);
      read(part);
      layer.cache.loadPage(layer.at, page, part);
    }
    layer.cache.truncate(layer.at, length);
  }
}
