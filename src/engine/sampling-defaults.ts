import type { SamplingDefaults } from '../contract/generate-options.js';
import { shown } from '../errors.js';

/**
 * The numbers of transformers' GenerationConfig, for a generation_config.json that asks for sampling and leaves some
 * out.
 */
const TRANSFORMERS: Readonly<Record<string, number>> = { temperature: 1, top_k: 50, top_p: 1 };

/** The settings of a generation_config.json that are known here: the option, and the values it can have. */
const KNOWN: Readonly<Record<string, { option: keyof SamplingDefaults; holds: (value: number) => boolean }>> = {
  temperature: { option: 'temperature', holds: (value) => value >= 0 },
  top_k: { option: 'topK', holds: (value) => Number.isSafeInteger(value) && value >= 0 },
  top_p: { option: 'topP', holds: (value) => value > 0 && value <= 1 },
  min_p: { option: 'minP', holds: (value) => value >= 0 && value <= 1 },
  typical_p: { option: 'typicalP', holds: (value) => value > 0 && value <= 1 },
  'general.sampling.xtc_probability': { option: 'xtcProbability', holds: (value) => value >= 0 && value <= 1 },
  'general.sampling.xtc_threshold': { option: 'xtcThreshold', holds: (value) => value >= 0 && value <= 1 },
  repetition_penalty: { option: 'repeatPenalty', holds: (value) => value > 0 },
  'general.sampling.penalty_last_n': { option: 'penaltyWindow', holds: (value) => value >= -1 },
};

/** Options that count without drawing, too. */
const WITHOUT_DRAWING: readonly string[] = ['repeatPenalty', 'penaltyWindow'];
/** Options that change nothing without another one. */
const NEEDS: Readonly<Partial<Record<keyof SamplingDefaults, keyof SamplingDefaults>>> = {
  xtcThreshold: 'xtcProbability',
  penaltyWindow: 'repeatPenalty',
};
const NEUTRAL: SamplingDefaults = { typicalP: 1, xtcProbability: 0, penaltyWindow: 64 };

/**
 * Settings of transformers (GenerationConfig) and of llama.cpp (general.sampling.*) that would change what is drawn and
 * that nothing here does, with the values that change nothing.
 */
const UNKNOWN: Readonly<Record<string, readonly unknown[]>> = {
  top_h: [],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  encoder_repetition_penalty: [1],
  no_repeat_ngram_size: [0],
  encoder_no_repeat_ngram_size: [0],
  num_beams: [1],
  num_beam_groups: [1],
  penalty_alpha: [0],
  diversity_penalty: [0],
  guidance_scale: [1],
  min_length: [0],
  min_new_tokens: [0],
  bad_words_ids: [],
  force_words_ids: [],
  sequence_bias: [],
  begin_suppress_tokens: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  exponential_decay_length_penalty: [],
  stop_strings: [],
  'general.sampling.sequence': [],
  'general.sampling.mirostat': [0],
};

/** Settings that only say more of one of the others. */
const DEPENDENT: readonly string[] = ['general.sampling.mirostat_tau', 'general.sampling.mirostat_eta'];

/**
 * Reads the sampling settings of generation_config.json. A number out of range, and a setting that nothing here does,
 * are passed over with a warning.
 */
export function samplingDefaults(config: Record<string, unknown> | null): {
  defaults: SamplingDefaults;
  warnings: string[];
} {
  const defaults: SamplingDefaults = {};
  if (config === null) return { defaults, warnings: [] };
  const warnings = unheeded(config);
  for (const [key, { option, holds }] of Object.entries(KNOWN)) {
    if (config.do_sample !== true && !WITHOUT_DRAWING.includes(option)) continue;
    let value = Object.hasOwn(config, key) ? config[key] : TRANSFORMERS[key];
    // Null turns a limit off.
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !holds(value)) {
      warnings.push(`the model's makers advise ${key} ${shown(value)}, which is out of range; it is passed over`);
      value = TRANSFORMERS[key];
    }
    // llama.cpp writes -1 for all tokens.
    if (option === 'penaltyWindow' && value === -1) value = Number.POSITIVE_INFINITY;
    if (value !== undefined && value !== NEUTRAL[option]) defaults[option] = value as number;
  }
  for (const [option, other] of Object.entries(NEEDS) as [keyof SamplingDefaults, keyof SamplingDefaults][])
    if (defaults[other] === undefined) delete defaults[option];
  // With every limit off, a file that asks for drawing draws from all tokens.
  if (config.do_sample === true) defaults.temperature ??= TRANSFORMERS.temperature;
  return { defaults, warnings };
}

function unheeded(config: Record<string, unknown>): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const isForeign = key.startsWith('general.sampling.') && !DEPENDENT.includes(key) && !Object.hasOwn(KNOWN, key);
    const neutral = Object.hasOwn(UNKNOWN, key) ? UNKNOWN[key] : isForeign ? [] : null;
    if (neutral === null || value === null || value === false || neutral.includes(value)) return [];
    if (Array.isArray(value) && value.length === 0) return [];
    return [`the model's makers advise ${key} ${shown(value)}, which flashrow does not do; it is passed over`];
  });
}
