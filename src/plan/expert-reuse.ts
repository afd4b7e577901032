/**
 * Fits recorded routes to 6 points: those of gpt-oss-120b with 2.5, 5 and 9% of the experts in memory, and those of
 * Qwen3-30B-A3B with 8, 16 and 28% (bench/EXPERIMENTS.md, PLAN-04).
 */
const REUSE = 15;

/**
 * The share of a token's experts that has to be read, where `cachedShare` of all experts are in memory. It is below 1 -
 * `cachedShare`: a token asks for much the same experts as the tokens before it.
 */
export const expertMissShare = (cachedShare: number): number => (1 - cachedShare) / (1 + REUSE * cachedShare);
