/** Keys under `general.sampling.` (llama.cpp) and their names in generation_config.json (transformers). */
const NAMES: Readonly<Record<string, string>> = {
  temp: 'temperature',
  top_k: 'top_k',
  top_p: 'top_p',
  min_p: 'min_p',
  penalty_repeat: 'repetition_penalty',
};

/** Settings that say that a token is drawn. */
const DRAWS: readonly string[] = ['temperature', 'top_k', 'top_p', 'min_p'];

/**
 * The sampling that a GGUF file advises as generation_config.json; null where it advises none. Keys that transformers
 * does not know keep their full name.
 */
export function generationConfigOf(sampling: Record<string, unknown>): Record<string, unknown> | null {
  const keys = Object.keys(sampling);
  if (keys.length === 0) return null;
  // Null turns a limit off. Left out, it would be the default of transformers, which the file does not ask for.
  const config: Record<string, unknown> = { top_k: null, top_p: null };
  for (const key of keys) {
    const name = Object.hasOwn(NAMES, key) ? NAMES[key] : `general.sampling.${key}`;
    config[name] = asWritten(sampling[key]);
  }
  // llama.cpp writes -1 for no limit, and does not draw at a temperature of 0 or below.
  if (typeof config.top_k === 'number' && config.top_k < 0) config.top_k = 0;
  if (typeof config.temperature === 'number' && config.temperature < 0) config.temperature = 0;
  // A window of no tokens is no penalty.
  if (sampling.penalty_last_n === 0) delete config.repetition_penalty;
  config.do_sample = DRAWS.some((name) => typeof config[name] === 'number');
  return config;
}

/** A number as it was written before it became 32 bits: the shortest that rounds to it. */
function asWritten(value: unknown): unknown {
  if (typeof value !== 'number' || Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
