/** Multiplies the first `count` values. */
export function scaleBy(values: Float32Array, count: number, factor: number): void {
  for (let i = 0; i < count; i++) values[i] *= factor;
}
