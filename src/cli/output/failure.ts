import { CommanderError } from 'commander';
import { FlashrowError } from '../../errors.js';
import { tellFailure } from './command-words.js';
import { endTextLine, printJson } from './output.js';
import { colorsFor } from './terminal.js';
import { visibleText } from './visible-text.js';

/**
 * Prints a failure where it belongs and returns the exit code: 2 for bad usage, `interrupted` for an interrupt, else 1.
 */
export function reportFailure(thrown: unknown, json: boolean, interrupted = 130): number {
  const { code, message, details } = tellFailure(asFlashrowError(thrown));
  if (json) {
    printJson({ error: { code, message, details } });
  } else if (!showedHelp(thrown)) {
    endTextLine();
    // A message may quote a file.
    process.stderr.write(`${colorsFor(process.stderr).red('error:')} ${visibleText(message)} [${code}]\n`);
  }
  if (process.env.FLASHROW_DEBUG === '1' && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  return code === 'BAD_USAGE' ? 2 : code === 'ABORTED' ? interrupted : 1;
}

/** The failure of a write to stdout. */
export function outputFailure(error: NodeJS.ErrnoException): FlashrowError {
  const details = { path: 'stdout', neededBytes: process.stdout.writableLength, freeBytes: 0 };
  return error.code === 'ENOSPC' || error.code === 'EDQUOT'
    ? new FlashrowError('DISK_FULL', 'stdout cannot be written: no room is left where it goes', details, {
        cause: error,
      })
    : new FlashrowError('IO', `stdout cannot be written: ${error.message}`, { errno: error.code }, { cause: error });
}

/** Called without a command: the help is already on stderr, and says it better. */
const showedHelp = (thrown: unknown) => thrown instanceof CommanderError && thrown.code === 'commander.help';

function asFlashrowError(thrown: unknown): FlashrowError {
  if (thrown instanceof FlashrowError) return thrown;
  if (thrown instanceof CommanderError) {
    const message = showedHelp(thrown)
      ? 'no command given'
      : thrown.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    return new FlashrowError('BAD_USAGE', message, { reason: thrown.code.replace('commander.', '') });
  }
  return new FlashrowError('IO', thrown instanceof Error ? thrown.message : String(thrown));
}
