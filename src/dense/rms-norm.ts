/** Root-mean-square norm (arXiv 1910.07467) of x[tokens, weight.length] into `out`, which may be x; sums in double. */
export function rmsNorm(
  x: Float32Array,
  tokens: number,
  weight: Float32Array,
  epsilon: number,
  out: Float32Array,
): void {
  const width = weight.length;
  for (let start = 0; start < tokens * width; start += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[start + i] * x[start + i];
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) out[start + i] = x[start + i] * scale * weight[i];
  }
}
