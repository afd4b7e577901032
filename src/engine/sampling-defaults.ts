import type { SamplingDefaults } from '../contract/api.js';

/**
 * The numbers of transformers' GenerationConfig, for a generation_config.json that asks for sampling and leaves some
 * out.
 */
const TRANSFORMERS = { temperature: 1, topK: 50, topP: 1 };

/** Reads the sampling settings of generation_config.json; a number out of range is ignored. */
export function samplingDefaults(config: Record<string, unknown> | null): SamplingDefaults {
  if (config === null) return {};
  const number = (key: string, holds: (value: number) => boolean): number | undefined => {
    const value = config[key];
    return typeof value === 'number' && holds(value) ? value : undefined;
  };
  const repeatPenalty = number('repetition_penalty', (penalty) => penalty > 0);
  const defaults: SamplingDefaults = repeatPenalty === undefined ? {} : { repeatPenalty };
  if (config.do_sample !== true) return defaults;
  const minP = number('min_p', (share) => share >= 0 && share <= 1);
  return {
    ...defaults,
    ...(minP === undefined ? {} : { minP }),
    temperature: number('temperature', (temperature) => temperature >= 0) ?? TRANSFORMERS.temperature,
    topK: number('top_k', (count) => Number.isSafeInteger(count) && count >= 0) ?? TRANSFORMERS.topK,
    topP: number('top_p', (share) => share > 0 && share <= 1) ?? TRANSFORMERS.topP,
  };
}
