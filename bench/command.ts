import { writeFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { FlashrowError } from '../src/errors.js';

export interface Outcome {
  /** For people. */
  text: string;
  /** For machines. */
  data: unknown;
  /** The file for `data`; `-` is stdout, and `text` then goes to stderr. */
  json: string | null;
  failed: boolean;
}

/** Runs a bench command: notices go to stderr, results to stdout. Exit code 1 where it failed, 2 on bad usage. */
export async function runBench(
  work: (args: readonly string[], log: (line: string) => void) => Promise<Outcome>,
): Promise<void> {
  try {
    const { text, data, json, failed } = await work(process.argv.slice(2), (line) => process.stderr.write(`${line}\n`));
    // NaN and infinity are null, as everywhere in JSON.
    const encoded = `${JSON.stringify(data, null, 2)}\n`;
    (json === '-' ? process.stderr : process.stdout).write(`${text}\n`);
    if (json === '-') process.stdout.write(encoded);
    else if (json !== null) writeFileSync(json, encoded);
    if (failed) process.exitCode = 1;
  } catch (error) {
    // Commander has printed its message, or the help.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof FlashrowError) {
      process.stderr.write(`error: ${error.message} [${error.code}]\n`);
      process.exitCode = error.code === 'BAD_USAGE' ? 2 : 1;
    } else throw error;
  }
}
