import { NEUTRAL_SAMPLING, type SamplingOptions, type SamplingSettings } from '../contract/sampling-options.js';
import { FlashrowError } from '../errors.js';
import { type Accepts, expect, isPlainObject, type OptionTable } from './checks/check-arguments.js';
import { isWholeFrom0, YES_OR_NO } from './option-tables.js';

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isWindow = (value: unknown) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY;

const SHARE_FROM_0: Accepts = [(value) => isNumber(value) && value >= 0 && value <= 1, 'from 0 to 1'];
const SHARE_ABOVE_0: Accepts = [(value) => isNumber(value) && value > 0 && value <= 1, 'above 0 and at most 1'];
const FROM_0: Accepts = [(value) => isNumber(value) && value >= 0, 'a number from 0'];
const WINDOW: Accepts = [isWindow, 'a whole number from 0, or Infinity'];
const NUMBER: Accepts = [isNumber, 'a number'];

/** The most of the likeliest tokens that are told at each place. */
const MOST_TOP = 100;

export const SEED: Accepts = [Number.isSafeInteger, 'a whole number of at most 53 bits'];

const isIdObject = (value: unknown) =>
  isPlainObject(value) && Object.keys(value).every((id) => /^(0|[1-9]\d*)$/.test(id));

export const SAMPLING_OPTIONS: OptionTable<SamplingOptions> = {
  temperature: FROM_0,
  topK: [isWholeFrom0, 'a whole number from 0'],
  topP: SHARE_ABOVE_0,
  minP: SHARE_FROM_0,
  typicalP: SHARE_ABOVE_0,
  xtcProbability: SHARE_FROM_0,
  xtcThreshold: SHARE_FROM_0,
  repeatPenalty: [(value) => isNumber(value) && value > 0, 'a number above 0'],
  presencePenalty: NUMBER,
  frequencyPenalty: NUMBER,
  penaltyWindow: WINDOW,
  dryMultiplier: FROM_0,
  dryBase: [(value) => isNumber(value) && value >= 1, 'a number from 1'],
  dryAllowedLength: [(value) => isWholeFrom0(value) && value > 0, 'a whole number from 1'],
  dryWindow: WINDOW,
  logitBias: [isIdObject, 'an object of numbers by token ids, like { 50256: -100 }'],
  seed: SEED,
  logprobs: YES_OR_NO,
  topLogprobs: [(value) => isWholeFrom0(value) && value <= MOST_TOP, `a whole number from 0 to ${MOST_TOP}`],
};

/** Fills in the defaults of options that were checked. Throws BAD_USAGE for a bias that is no number. */
export function samplingSettings(options: SamplingOptions): SamplingSettings {
  const { seed = Math.floor(Math.random() * 2 ** 32), logitBias = {}, logprobs = false, topLogprobs = 0 } = options;
  for (const [id, bias] of Object.entries(logitBias))
    expect(isNumber(bias) || bias === Number.NEGATIVE_INFINITY, `logitBias[${id}]`, bias, 'a number, or -Infinity');
  const given = Object.keys(NEUTRAL_SAMPLING).flatMap((name) => {
    const value = options[name as keyof SamplingOptions];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...NEUTRAL_SAMPLING,
    ...(Object.fromEntries(given) as Partial<SamplingSettings>),
    logitBias: Object.entries(logitBias).map(([id, bias]) => [Number(id), bias] as const),
    topLogprobs: logprobs || topLogprobs > 0 ? topLogprobs : null,
    seed,
  };
}

/**
 * Options of a prompt that may have regions. Their points are drawn from the seed. Where no token is drawn it is 0, so
 * that the same question gets the same answer.
 */
export const seeded = <T extends SamplingOptions>(options: T, regions: boolean): T =>
  regions && !(options.temperature! > 0) ? { ...options, seed: options.seed ?? 0 } : options;

/** Throws BAD_USAGE for a bias of an id that does not exist. */
export function checkBiases({ logitBias = {} }: SamplingOptions, vocabSize: number): void {
  const strange = Object.keys(logitBias).find((id) => Number(id) >= vocabSize);
  if (strange === undefined) return;
  throw new FlashrowError(
    'BAD_USAGE',
    `logitBias names the token ${strange}; the vocabulary ends with ${vocabSize - 1}`,
    { option: 'logitBias' },
  );
}

/** The values with which an option leaves out nothing, for those that choose among the tokens to draw from. */
const LEAVES_ALL = { topK: 0, topP: 1, minP: 0, typicalP: 1, xtcProbability: 0 } as const;

/** Options that only change what another one does, and whether that one does anything. */
const DEPENDENT: readonly [
  names: readonly (keyof SamplingOptions)[],
  isOn: (drawn: SamplingOptions) => boolean,
  without: string,
][] = [
  [['xtcThreshold'], ({ xtcProbability = 0 }) => xtcProbability > 0, '`xtcProbability` is 0'],
  [['dryBase', 'dryAllowedLength', 'dryWindow'], ({ dryMultiplier = 0 }) => dryMultiplier > 0, '`dryMultiplier` is 0'],
  [
    ['penaltyWindow'],
    ({ repeatPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 }) =>
      repeatPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0,
    'there is no penalty',
  ],
];
/** Two tokens cannot both have more than half of the probability. */
const MOST_XTC_THRESHOLD = 0.5;

/**
 * Of the options given, those that change nothing, each in a sentence. `drawn` has the defaults of the model, too.
 * `regions`: the prompt has some, whose points a seed draws.
 */
export function uselessOptions(given: SamplingOptions, drawn: SamplingOptions = given, regions = false): string[] {
  const useless = DEPENDENT.flatMap(([names, isOn, without]) =>
    isOn(drawn) ? [] : names.filter((name) => given[name] !== undefined).map((name) => unchanged(name, without)),
  );
  if ((drawn.temperature ?? 0) === 0) return [...useless, ...uselessAtZero(given, regions)];
  const { xtcProbability = 0, xtcThreshold = 0 } = drawn;
  if (given.xtcProbability !== undefined && xtcProbability > 0 && xtcThreshold > MOST_XTC_THRESHOLD)
    useless.push(unchanged('xtcProbability', '`xtcThreshold` is above 0.5'));
  return useless;
}

function uselessAtZero(given: SamplingOptions, regions: boolean): string[] {
  const useless: string[] = Object.entries(LEAVES_ALL)
    .filter(([name, neutral]) => {
      const value = given[name as keyof typeof LEAVES_ALL];
      return value !== undefined && value !== neutral;
    })
    .map(([name]) => name);
  if (given.seed !== undefined && !regions) useless.push('seed');
  return useless.map((name) => unchanged(name, 'at `temperature: 0` the likeliest token is taken'));
}

const unchanged = (name: string, why: string) => `\`${name}\` changed nothing: ${why}`;
