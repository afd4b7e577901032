const TARGET_RECORD = 1024 * 1024;
const TARGET_SLICES = 8;

/** Divisors of `value`, unordered. */
function divisors(value: number): number[] {
  const found: number[] = [];
  for (let divisor = 1; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) found.push(divisor, value / divisor);
  }
  return found;
}

/**
 * Neurons in one slice of a layer: a divisor of `numNeurons` and a multiple of `multipleOf`. The slice's record is as
 * near as possible to 1 MiB, or to an eighth of the layer where that is less, so a small budget still holds some
 * slices. A record that is too large counts double: it raises the least budget, while small neighbours can be read
 * together.
 */
export function chooseSlice(numNeurons: number, bytesPerNeuron: number, multipleOf: number): number {
  const target = Math.min(TARGET_RECORD, (numNeurons * bytesPerNeuron) / TARGET_SLICES);
  let best = numNeurons;
  let leastCost = Number.POSITIVE_INFINITY;
  for (const neurons of divisors(numNeurons)) {
    if (neurons % multipleOf !== 0) continue;
    const distance = Math.log2((neurons * bytesPerNeuron) / target);
    const cost = distance > 0 ? 2 * distance : -distance;
    if (cost < leastCost || (cost === leastCost && neurons < best)) {
      best = neurons;
      leastCost = cost;
    }
  }
  return best;
}
