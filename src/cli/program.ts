import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { calibrateCommand } from './commands/calibrate.js';
import { chatCommand } from './commands/chat.js';
import { convertCommand } from './commands/convert.js';
import { doctorCommand } from './commands/doctor.js';
import { evalCommand } from './commands/eval.js';
import { listCommand, rmCommand } from './commands/list.js';
import { logprobsCommand } from './commands/logprobs.js';
import { planCommand } from './commands/plan.js';
import { pullCommand } from './commands/pull.js';
import { replayCommand } from './commands/replay.js';
import { runCommand } from './commands/run.js';
import { tokenizeCommand } from './commands/tokenize.js';
import { verifyCommand } from './commands/verify.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

/** The whole command line. Parsing throws (CommanderError or FlashrowError) and never exits: main.ts reports. */
export function buildProgram(): Command {
  const program = new Command('flashrow')
    .description(
      'Runs language models larger than memory: feed-forward rows stay on flash and are streamed in on demand.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      'after',
      '\nA model is a store folder, a GGUF file, a Hugging Face folder, or the name of one that was pulled. `flashrow help <command>` lists the options of one command.',
    );
  const commands = [
    runCommand(),
    chatCommand(),
    logprobsCommand(),
    evalCommand(),
    tokenizeCommand(),
    planCommand(),
    doctorCommand(),
    pullCommand(),
    listCommand(),
    rmCommand(),
    convertCommand(),
    verifyCommand(),
    calibrateCommand(),
    replayCommand(),
  ];
  for (const command of commands) {
    command
      .copyInheritedSettings(program)
      .option('--json', 'print exactly one JSON object on stdout, failures included');
    program.addCommand(command);
  }
  return program;
}
