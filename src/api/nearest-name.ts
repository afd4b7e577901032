import leven, { closestMatch } from 'leven';

/** The name that was likely meant; null where none is near: more than a third of the letters would be wrong. */
export function nearestName(given: string, names: readonly string[]): string | null {
  const nearest = closestMatch(given, names);
  if (nearest === undefined) return null;
  const most = Math.max(1, Math.floor(Math.max(given.length, nearest.length) / 3));
  return leven(given, nearest) <= most ? nearest : null;
}
