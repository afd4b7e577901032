/**
 * Locally typical sampling (Meister and others, arXiv 2202.00666): the ids whose surprise, -ln p, is nearest to the
 * expected one, the entropy, until they have a probability of `share` together. Puts these first, and returns their
 * number. `surprise` is by id, in nats. Equally typical ones come in the order of their ids. An id that is not listed
 * has a surprise of at least `unlisted`, Infinity where all are; null where one of these might be among the typical.
 */
export function typicalOnes(
  ids: Uint32Array,
  surprise: Float64Array,
  entropy: number,
  share: number,
  unlisted: number,
): number | null {
  const distance = (id: number) => Math.abs(surprise[id] - entropy);
  ids.sort((a, b) => distance(a) - distance(b) || a - b);
  let sum = 0;
  let count = 0;
  while (count < ids.length && sum < share) sum += Math.exp(-surprise[ids[count++]]);
  const areAllListed = unlisted === Number.POSITIVE_INFINITY;
  if (areAllListed) return count;
  return sum >= share && distance(ids[count - 1]) <= unlisted - entropy ? count : null;
}
