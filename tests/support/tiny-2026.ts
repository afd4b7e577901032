import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sharedJson, sharedPath } from './shared-data.js';

/** Writes small random GGUF files of the architectures of 2025 and 2026; it comes with the test data. */
const WRITER = sharedPath('../tools/tiny-gguf-2026.mjs');

export const haveTiny2026 = existsSync(WRITER) && existsSync(sharedPath('tiny-2026'));
/** The end of a test's name: why it is skipped, or nothing. */
export const withoutTiny2026 = haveTiny2026 ? '' : ` (skipped: no small models of 2026 at ${sharedPath('tiny-2026')})`;

/** What llama.cpp predicts on a small random model. */
export interface Answers {
  model: string;
  type: string;
  seed: number;
  shape: string;
  tokens: number[];
  /** After each token the likeliest next ones, [id, natural logarithm of the probability]. */
  top: [number, number][][];
  /** For quantized types: the same from the same weights held as F32. */
  exact?: [number, number][][];
}

export const answersOf = (name: string): Answers => sharedJson(`tiny-2026/${name}.json`);

/** Writes the model that some answers are about into `folder`, with further options of the writer; returns its path. */
export function writeTiny(folder: string, answers: Omit<Answers, 'tokens' | 'top'>, options: string[] = []): string {
  const { model, type, seed, shape } = answers;
  const asked = ['--type', type, '--seed', String(seed), '--shape', shape];
  execFileSync(process.execPath, [WRITER, folder, model, ...asked, ...options]);
  return join(folder, `${model}-${type}.gguf`);
}
