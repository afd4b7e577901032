import type { GenerateOptions } from '../contract/api.js';
import type { GenerateSettings } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';

/** Fills in defaults and checks ranges. Throws BAD_USAGE naming the option. */
export function generateSettings(options: GenerateOptions): GenerateSettings {
  const settings: GenerateSettings = {
    maxTokens: options.maxTokens ?? 256,
    temperature: options.temperature ?? 0,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    repeatPenalty: options.repeatPenalty ?? 1,
    seed: options.seed ?? Math.floor(Math.random() * 2 ** 32),
    stop:
      typeof options.stop === 'string'
        ? [options.stop]
        : Array.isArray(options.stop)
          ? [...options.stop]
          : options.stop === undefined
            ? []
            : [''],
    ignoreEos: options.ignoreEos ?? false,
    trace: options.trace ?? null,
  };
  const expect = (holds: boolean, option: keyof GenerateSettings, accepted: string) => {
    if (!holds)
      throw new FlashrowError('BAD_USAGE', `${option} is ${accepted}, not ${String(settings[option])}`, { option });
  };
  expect(Number.isSafeInteger(settings.maxTokens) && settings.maxTokens >= 0, 'maxTokens', 'a whole number from 0');
  expect(Number.isFinite(settings.temperature) && settings.temperature >= 0, 'temperature', 'a number from 0');
  expect(Number.isSafeInteger(settings.topK) && settings.topK >= 0, 'topK', 'a whole number from 0');
  expect(settings.topP > 0 && settings.topP <= 1, 'topP', 'above 0 and at most 1');
  expect(settings.minP >= 0 && settings.minP <= 1, 'minP', 'from 0 to 1');
  expect(Number.isFinite(settings.repeatPenalty) && settings.repeatPenalty > 0, 'repeatPenalty', 'a number above 0');
  expect(Number.isSafeInteger(settings.seed), 'seed', 'a whole number');
  expect(
    settings.stop.every((text) => typeof text === 'string' && text.length > 0),
    'stop',
    'texts that are not empty',
  );
  expect(
    settings.trace === null || (typeof settings.trace === 'string' && settings.trace !== ''),
    'trace',
    'the path of a file',
  );
  return settings;
}
