/** The first `count` values x become cap * tanh(x / cap) (arXiv 2408.00118). */
export function softCap(values: Float32Array, count: number, cap: number): void {
  for (let i = 0; i < count; i++) values[i] = cap * Math.tanh(values[i] / cap);
}
