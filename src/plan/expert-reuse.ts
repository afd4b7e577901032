/** Fits the recorded routes of gpt-oss-120b and Qwen3-30B-A3B at 2.5, 5, 9 and 8, 16, 28% of their experts in memory to 6 points (bench/EXPERIMENTS.md, PLAN-04). */
const REUSE = 15;

/** The share of a token's experts that has to be read where `cachedShare` of all are in memory: tokens ask for much the same experts as those before them. */
export const expertMissShare = (cachedShare: number): number => (1 - cachedShare) / (1 + REUSE * cachedShare);
