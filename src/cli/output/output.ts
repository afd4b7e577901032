/** One JSON object on stdout. NaN and infinity become null, as JSON.stringify has it. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Anything a reader should know beside the result. Always stderr, so that stdout stays the result alone. */
export function notice(text: string): void {
  process.stderr.write(`${text}\n`);
}
