import { clearBar } from './progress.js';

/** One JSON object on stdout. NaN and infinity become null, as JSON.stringify has it. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A remark beside the result. It goes to stderr, so that stdout stays the result alone. */
export function notice(text: string): void {
  clearBar();
  process.stderr.write(`${text}\n`);
}
