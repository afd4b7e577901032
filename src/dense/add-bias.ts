/** Adds bias[width] to each row of vectors[tokens, width]. */
export function addBias(vectors: Float32Array, tokens: number, bias: Float32Array): void {
  for (let start = 0; start < tokens * bias.length; start += bias.length) {
    for (let i = 0; i < bias.length; i++) vectors[start + i] += bias[i];
  }
}
