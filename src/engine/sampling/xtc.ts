/**
 * Leaving out the top choices (XTC, github.com/oobabooga/text-generation-webui/pull/6335): of the candidates of at
 * least the weight `threshold` all go but the least likely one. Returns its place; null where there are fewer than two
 * of them. Of equal weights the lower id is the likelier one.
 */
export function leastOfTop(ids: Uint32Array, weights: Float64Array, count: number, threshold: number): number | null {
  let [least, above] = [-1, 0];
  for (let i = 0; i < count; i++) {
    if (weights[i] < threshold) continue;
    above++;
    if (least < 0 || weights[i] < weights[least] || (weights[i] === weights[least] && ids[i] > ids[least])) least = i;
  }
  return above < 2 ? null : least;
}
