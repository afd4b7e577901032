/** How a generation draws its tokens. */
export interface SamplingOptions {
  /**
   * 0 (default) picks the likeliest token. 1 draws by the probabilities of the model; more makes unlikely tokens
   * likelier.
   */
  temperature?: number | undefined;
  /** Draws from this many of the likeliest tokens; default 0, which is all of them. No effect at temperature 0. */
  topK?: number | undefined;
  /** Draws from the likeliest tokens that together have this probability, above 0; default 1, which is all of them. */
  topP?: number | undefined;
  /**
   * Leaves out tokens whose probability is below this share of the likeliest one's, 0 to 1; default 0, which keeps all.
   */
  minP?: number | undefined;
  /**
   * Draws from the tokens whose surprise is nearest to the expected one and that together have this probability, above
   * 0 (locally typical sampling, arXiv 2202.00666); default 1, which is all of them.
   */
  typicalP?: number | undefined;
  /**
   * How often, 0 to 1, the likeliest tokens are left out: of those of at least `xtcThreshold` the least likely one
   * stays (XTC); default 0, which is never.
   */
  xtcProbability?: number | undefined;
  /**
   * The probability from which on `xtcProbability` leaves tokens out, 0 to 1; default 0.1. Above 0.5 it does nothing.
   */
  xtcThreshold?: number | undefined;
  /** Makes tokens that were there less likely: 1 (default) leaves them as they are, above 1 weakens them. */
  repeatPenalty?: number | undefined;
  /** Is taken from the logits of tokens that were there, -2 to 2 in OpenAI's API; default 0. */
  presencePenalty?: number | undefined;
  /** The same, once for each time that they were there; default 0. */
  frequencyPenalty?: number | undefined;
  /** How many of the last tokens the three penalties look at, the prompt's included; default 64. Infinity: all. */
  penaltyWindow?: number | undefined;
  /**
   * Makes tokens less likely that would go on with a sequence that was there, the more the longer it is (DRY): its
   * logit loses `dryMultiplier` * `dryBase` ^ (length - `dryAllowedLength`). Default 0, which is off.
   */
  dryMultiplier?: number | undefined;
  /** The growth of that penalty for each token of the sequence, at least 1; default 1.75. */
  dryBase?: number | undefined;
  /** Shorter sequences may come again; a whole number from 1, default 2. */
  dryAllowedLength?: number | undefined;
  /** How many of the last tokens DRY looks at, the prompt's included; default Infinity, which is all. */
  dryWindow?: number | undefined;
  /**
   * What is added to the logits of tokens, by their ids: `{ 50256: -100 }`. -Infinity rules a token out. Default
   * nothing. A number that many tokens have to lose makes none of them less likely than the others.
   */
  logitBias?: Readonly<Record<number, number>> | undefined;
  /**
   * Same seed, same draws, of tokens and of the points of regions: a whole number of at most 53 bits; default random,
   * and 0 for a prompt with regions at temperature 0.
   */
  seed?: number | undefined;
  /** Tells the log-probability of every token of the answer, in `logprobs` of pieces and result; default false. */
  logprobs?: boolean | undefined;
  /** The likeliest tokens that `logprobs` tells at each place, 0 (default) to 100. More than 0 turns `logprobs` on. */
  topLogprobs?: number | undefined;
}

/**
 * The same with defaults in place, as it crosses threads. `topLogprobs` is null where no log-probabilities are told.
 */
export interface SamplingSettings {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  typicalP: number;
  xtcProbability: number;
  xtcThreshold: number;
  repeatPenalty: number;
  presencePenalty: number;
  frequencyPenalty: number;
  penaltyWindow: number;
  dryMultiplier: number;
  dryBase: number;
  dryAllowedLength: number;
  dryWindow: number;
  logitBias: readonly (readonly [id: number, bias: number])[];
  seed: number;
  topLogprobs: number | null;
}

/** Takes the likeliest token, and changes nothing. */
export const NEUTRAL_SAMPLING: Readonly<Omit<SamplingSettings, 'seed'>> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  repeatPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  penaltyWindow: 64,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryWindow: Number.POSITIVE_INFINITY,
  logitBias: [],
  topLogprobs: null,
};
