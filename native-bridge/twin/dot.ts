/** a[aOffset..] . b[bOffset..] over `count` elements, summed in double precision in ascending order. */
export function dot(a: Float32Array, aOffset: number, b: ArrayLike<number>, bOffset: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[aOffset + i] * b[bOffset + i];
  return sum;
}
