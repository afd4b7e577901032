import type { Command } from 'commander';
import { FlashrowError } from '../../errors.js';

/**
 * Adds `--stop <text>`, which may be repeated and may be followed by more texts. Commander would take a model that
 * comes later for a text too. So each `--stop` takes one text, and the arguments that are left over are sorted here.
 */
export function addStopOption(command: Command): Command {
  return command
    .option(
      '--stop <text>',
      'end before this text; may be repeated, or be followed by more texts',
      (text: string, earlier: string[] = []) => [...earlier, text],
    )
    .on('option:stop', () => command.allowExcessArguments())
    .hook('preAction', (_, acting) => claimTexts(acting, process.argv.slice(2)));
}

/**
 * Turns the arguments that follow a `--stop` into stop texts, and hands the others to the command. Throws BAD_USAGE
 * where the model would have to be guessed among them, or where there are too many.
 */
function claimTexts(command: Command, argv: readonly string[]): void {
  const { texts, followers } = stopTexts(command, argv);
  const beyondModel = command.args.slice(1);
  if (beyondModel.length === 0 || texts.length === 0) return;
  const others = [...beyondModel];
  for (const follower of followers) {
    const at = others.indexOf(follower);
    if (at < 0) throw tooMany(command, 'write the model before --stop');
    others.splice(at, 1);
  }
  const [, ...further] = command.registeredArguments;
  if (others.length > further.length) throw tooMany(command, 'put a text of several words in quotes');
  command.processedArgs = [command.args[0], ...further.map((_, at) => others[at])];
  command.setOptionValue('stop', texts);
}

/** All stop texts, and those of them that are arguments of their own behind the first text of a `--stop`. */
function stopTexts(command: Command, argv: readonly string[]): { texts: string[]; followers: string[] } {
  const given: readonly string[] = command.opts().stop ?? [];
  const texts: string[] = [];
  const followers: string[] = [];
  let next = 0;
  for (let at = 0; at < argv.length && argv[at] !== '--' && next < given.length; at++) {
    // Another option may have `--stop` as its text.
    const apart = argv[at] === '--stop' && argv[at + 1] === given[next];
    if (!apart && argv[at] !== `--stop=${given[next]}`) continue;
    if (apart) refuseOption(command, argv[++at]);
    texts.push(given[next++]);
    while (isOperand(argv[at + 1])) {
      at++;
      texts.push(argv[at]);
      followers.push(argv[at]);
    }
  }
  return { texts, followers };
}

function tooMany(command: Command, advice: string): FlashrowError {
  const message = `too many arguments for '${command.name()}': ${command.args.join(', ')}; ${advice}`;
  return new FlashrowError('BAD_USAGE', message, { reason: 'excessArguments' });
}

/** Throws BAD_USAGE where an option stands in the place of the text: commander would take it for one. */
function refuseOption(command: Command, text: string): void {
  const [name] = text.split('=');
  const options = command.createHelp().visibleOptions(command);
  if (!options.some(({ long, short }) => name === long || name === short)) return;
  const message = `--stop takes a text, not the option ${name}; write --stop=${text} if that is the text`;
  throw new FlashrowError('BAD_USAGE', message, { option: '--stop', value: text });
}

const isOperand = (argument: string | undefined): boolean =>
  argument !== undefined && (argument === '-' || !argument.startsWith('-'));
