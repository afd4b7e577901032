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
  textGoesOn(text);
}

/** Whether a terminal's last line is of a model's text, and has not ended. */
let unended = false;

/** Told of text that was written to stdout as it comes. */
export function textGoesOn(text: string): void {
  if (text !== '') unended = process.stdout.isTTY && !text.endsWith('\n');
}

/** Ends the line of a model's text at a terminal: what follows there begins on a line of its own. */
export function endTextLine(): void {
  if (unended) process.stdout.write('\n');
  unended = false;
}

/** A remark beside the result. It goes to stderr, so that stdout stays the result alone. */
export function notice(text: string): void {
  clearBar();
  endTextLine();
  process.stderr.write(`${text}\n`);
}

/** What the library warns of, in the words of the command line. */
export function noteAll(warnings: readonly string[]): void {
  for (const warning of warnings) notice(`note: ${inCommandWords(warning)}`);
}
