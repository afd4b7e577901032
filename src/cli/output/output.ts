import { inCommandWords } from './command-words.js';

/** One JSON object on stdout. NaN and infinity become null, as JSON.stringify has it. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A remark beside the result. It goes to stderr, so that stdout stays the result alone. */
export function notice(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What the library warns of, in the words of the command line. */
export function noteAll(warnings: readonly string[]): void {
  for (const warning of warnings) notice(`note: ${inCommandWords(warning)}`);
}
