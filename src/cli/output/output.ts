import { inCommandWords } from './command-words.js';
import { clearBar } from './progress.js';
import { visibleText } from './visible-text.js';

/** One JSON object on stdout. NaN and infinity become null, as JSON.stringify has it. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Text of a model on stdout: as it is, but for a terminal, where its control characters are made visible. */
export function printModelText(text: string): void {
  process.stdout.write(process.stdout.isTTY ? visibleText(text) : text);
}

/** A remark beside the result. It goes to stderr, so that stdout stays the result alone. */
export function notice(text: string): void {
  clearBar();
  process.stderr.write(`${text}\n`);
}

/** What the library warns of, in the words of the command line. */
export function noteAll(warnings: readonly string[]): void {
  for (const warning of warnings) notice(`note: ${inCommandWords(warning)}`);
}
