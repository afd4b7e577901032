import { Command, CommanderError, Option } from 'commander';
import { nearestName } from '../api/nearest-name.js';
import { FlashrowError } from '../errors.js';
import { applyDeltaCommand } from './commands/apply-delta.js';
import { benchCommand } from './commands/bench.js';
import { buildCommand } from './commands/build.js';
import { calibrateCommand } from './commands/calibrate.js';
import { chatCommand } from './commands/chat.js';
import { askCommand, completionCommand } from './commands/completion.js';
import { convertCommand } from './commands/convert.js';
import { doctorCommand } from './commands/doctor.js';
import { evalCommand } from './commands/eval.js';
import { listCommand, rmCommand } from './commands/list.js';
import { logprobsCommand } from './commands/logprobs.js';
import { planCommand } from './commands/plan.js';
import { pullCommand } from './commands/pull.js';
import { replayCommand } from './commands/replay.js';
import { runCommand } from './commands/run.js';
import { serveCommand } from './commands/serve.js';
import { tokenizeCommand } from './commands/tokenize.js';
import { verifyCommand } from './commands/verify.js';
import { addExamples, addParagraphs, HELP_FORMAT } from './options/help.js';
import { OTHER_COMMANDS, OTHER_OPTIONS } from './other-names.js';
import { version } from './output/version.js';

/** Every command, in the groups of the help. */
const COMMANDS: Readonly<Record<string, readonly (() => Command)[]>> = {
  'Run a model:': [runCommand, chatCommand, serveCommand, logprobsCommand, evalCommand, tokenizeCommand],
  'Look before you load:': [planCommand, doctorCommand, benchCommand, buildCommand],
  'Get and keep models:': [pullCommand, listCommand, rmCommand, convertCommand, applyDeltaCommand, verifyCommand],
  'Read less:': [calibrateCommand, replayCommand],
};

/** The whole command line. Parsing throws (CommanderError or FlashrowError) and never exits: main.ts reports. */
export function buildProgram(): Command {
  const program = new Command('flashrow')
    .description(
      'Runs language models larger than memory: most of the weights stay on the disk, and what a token needs is read when it is needed.',
    )
    .usage('<command> [options]')
    .version(version)
    .addOption(new Option('-v').hideHelp())
    .exitOverride()
    .configureHelp(HELP_FORMAT)
    .configureOutput({ outputError: () => {} })
    .helpCommand(false);
  program.on('option:v', () => {
    process.stdout.write(`${version}\n`);
    throw new CommanderError(0, 'commander.version', version);
  });
  for (const [group, makers] of Object.entries(COMMANDS)) {
    for (const make of makers) addCommand(program, make()).helpGroup(group);
  }
  addHelpCommand(program);
  addCommand(program, completionCommand()).helpGroup('Help:');
  program.addCommand(askCommand(program), { hidden: true });
  program.on('command:*', ([name]: string[]) => {
    throw unknownCommand(program, name);
  });
  addParagraphs(program, MODELS, WORDS);
  return addExamples(
    program,
    ['flashrow pull Qwen/Qwen3-0.6B-GGUF:Q8_0', 'fetch a model'],
    ['flashrow plan Qwen/Qwen3-0.6B-GGUF:Q8_0 --memory 1GB', 'see what it will take'],
    ['flashrow chat Qwen/Qwen3-0.6B-GGUF:Q8_0', 'talk with it'],
    ['flashrow help run', 'list the options of a command'],
  );
}

const MODELS =
  'A <model> is a GGUF file, a Hugging Face folder, a store, or the name of a model in the cache folder; the beginning of the name will do.';

const WORDS = `Words: a store is a model as flashrow keeps it, a folder that a checkpoint (a GGUF file or a Hugging Face folder) is converted to once. Its feed-forward weights stay on the disk (flash) in small pieces, called bundles. The other weights are resident: they stay in memory. So does the state, the keys and values of the context. A selector says which bundles a token needs; a gate is a selector of ReLU models that knows it exactly. The memory that is left caches bundles.`;

function addCommand(program: Command, command: Command): Command {
  command
    .copyInheritedSettings(program)
    .exitOverride((error) => {
      throw explained(error, command);
    })
    .optionsGroup('Output and help:')
    .option('--json', 'print exactly one JSON object on stdout, failures included')
    .helpOption('-h, --help', 'show this')
    .hook('preAction', () => refuseEmptyNames(command));
  program.addCommand(command);
  return command;
}

/** A variable of the shell that is not set leaves an empty name. It would be the beginning of any name. */
function refuseEmptyNames(command: Command): void {
  const empty = [
    ...command.registeredArguments
      .filter((argument, at) => argument.name() !== 'prompt' && command.args[at] === '')
      .map((argument) => `<${argument.name()}>`),
    ...command.options
      .filter(({ flags }) => /<(?:file|folder)>/.test(flags))
      .filter((option) => command.getOptionValue(option.attributeName()) === '')
      .map(({ long }) => long ?? ''),
  ];
  if (empty.length === 0) return;
  const message = `${empty[0]} is an empty text; give a name or a path (is a variable of the shell not set?)`;
  throw new FlashrowError('BAD_USAGE', message, { option: empty[0], value: '' });
}

function addHelpCommand(program: Command): void {
  const command = new Command('help')
    .description('what a command does, with its options and examples')
    .argument('[command]', 'its name; all commands without')
    .helpGroup('Help:')
    .action((name: string | undefined) => {
      if (name === undefined) return program.outputHelp();
      const found = program.commands.find((each) => [each.name(), ...each.aliases()].includes(name));
      if (!found) throw unknownCommand(program, name);
      found.outputHelp();
    });
  addExamples(command, ['flashrow help run', 'the options of run']);
  addCommand(program, command);
}

function unknownCommand(program: Command, name: string): FlashrowError {
  const names = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
  const meant = OTHER_COMMANDS[name] ?? nearestName(name, names);
  const question = meant === null ? '' : ` Did you mean ${meant}?`;
  const message = `unknown command '${name}'.${question} See \`flashrow help\` for all of them`;
  return new FlashrowError('BAD_USAGE', message, { reason: 'unknownCommand' });
}

/** A mistake in the options or arguments of a command, with the place to look. What is no mistake stays as it is. */
function explained(error: CommanderError, command: Command): unknown {
  if (error.exitCode === 0 || error.code === 'commander.help') return error;
  const text = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  const [, flag] = /^unknown option '([^'=]*)/.exec(text) ?? [];
  const meant = OTHER_OPTIONS[flag ?? ''];
  const isHere = command.options.some(({ long }) => long === meant);
  const question = meant !== undefined && isHere ? ` (Did you mean ${meant}?)` : '';
  const takesText = command.options.some(({ flags }) => flags.includes('<text>'));
  const isExcess = error.code === 'commander.excessArguments';
  const quotes = isExcess && takesText ? ' a text of several words goes in quotes;' : '';
  const known = text.replace(/ \(Did you mean [^)]*\)$/, question === '' ? '$&' : '').replace(/\.$/, '');
  const message = `${known}${question};${quotes} see \`flashrow help ${command.name()}\``;
  return new FlashrowError('BAD_USAGE', message, { reason: error.code.replace('commander.', '') });
}
