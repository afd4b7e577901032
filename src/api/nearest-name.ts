/**
 * The name that was likely meant; null where none is near: more than a third of the letters would be wrong. The app's
 * thread runs this, and loads no package for it.
 */
export function nearestName(given: string, names: readonly string[]): string | null {
  let [nearest, least]: [string | null, number] = [null, Number.POSITIVE_INFINITY];
  for (const name of names) {
    const distance = editDistance(given, name);
    if (distance < least) [nearest, least] = [name, distance];
  }
  if (nearest === null) return null;
  return least <= Math.max(1, Math.floor(Math.max(given.length, nearest.length) / 3)) ? nearest : null;
}

/** Levenshtein's distance: the fewest letters that are put in, left out or changed to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  // Distances of the letters of `a` that were passed to each beginning of `b`.
  let row = Array.from({ length: b.length + 1 }, (_, length) => length);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const changed = row[j] + (letter === b[j] ? 0 : 1);
      next.push(Math.min(changed, row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[b.length];
}
