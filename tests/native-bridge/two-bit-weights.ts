/** As native-bridge/two-bit-tiles.ts says in words, bit by bit: what row `row` of a tile has in a column. */
export function tileWeight(tile: Uint8Array, row: number, column: number): number {
  const run = Math.floor(column / 16);
  const [eight, of] = [64 * Math.floor(run / 8), run % 8];
  const nibble = (at: number, index: number) => (tile[at + (index >> 1)] >> (index % 2 === 0 ? 0 : 4)) & 15;
  const half = (at: number) => {
    const bits = tile[at] + 256 * tile[at + 1];
    const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
    return (exponent === 0 ? mantissa / 1024 : 1 + mantissa / 1024) * 2 ** (Math.max(1, exponent) - 15);
  };
  const step = half(1280 + 2 * row) * nibble(1024 + eight, 8 * row + of);
  const minimum = half(1312 + 2 * row) * nibble(1152 + eight, 8 * row + 4 * (of % 2) + Math.floor(of / 2));
  const inRun = column % 16;
  const level = (tile[64 * run + 4 * row + (inRun % 4)] >> (2 * Math.floor(inRun / 4))) & 3;
  return step * level - minimum;
}
