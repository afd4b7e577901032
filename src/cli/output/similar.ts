import leven, { closestMatch } from 'leven';

/** The name that was likely meant; undefined where none is near: more than a third of the letters would be wrong. */
export function similarName(given: string, names: readonly string[]): string | undefined {
  const nearest = closestMatch(given, names);
  if (nearest === undefined) return undefined;
  return leven(given, nearest) <= Math.max(1, Math.floor(Math.max(given.length, nearest.length) / 3))
    ? nearest
    : undefined;
}
