#!/usr/bin/env node
import { CommanderError } from 'commander';
import { interruptExitCode, listenForInterrupt } from './input/interrupt.js';
import { outputFailure, reportFailure } from './output/failure.js';
import { notice } from './output/output.js';
import { buildProgram } from './program.js';

const endOfOptions = process.argv.indexOf('--');
/** Read off the raw arguments: a failure while they are parsed must be JSON as well. */
const json = process.argv.slice(2, endOfOptions < 0 ? undefined : endOfOptions).includes('--json');

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read us has heard enough (`flashrow run ... | head`).
  if (error.code === 'EPIPE') process.exit(0);
  // There is no stdout for JSON any more.
  process.exit(reportFailure(outputFailure(error), false));
});
// The library's own warnings are notes here; all others are told as Node tells them.
const tellWarning = process.listeners('warning');
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name === 'FlashrowWarning') notice(`note: ${warning.message}`);
  else for (const tell of tellWarning) tell.call(process, warning);
});
// Without anybody to read notices a result is still a result.
process.stderr.on('error', () => {});
listenForInterrupt((reason) => process.exit(reportFailure(reason, json, interruptExitCode())));
process.once('uncaughtException', (error) => process.exit(reportFailure(error, json)));

try {
  await buildProgram().parseAsync();
} catch (error) {
  const askedForHelp = error instanceof CommanderError && error.exitCode === 0;
  if (!askedForHelp) process.exitCode = reportFailure(error, json, interruptExitCode());
}
