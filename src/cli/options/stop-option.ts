import type { Command } from 'commander';
import { FlashrowError } from '../../errors.js';

/**
 * Adds `--stop <text>`, which may be repeated and may be followed by more texts. Commander's own way for such options
 * would take the model, where it comes later, for a text too; so each takes one, and what is then left over is looked
 * at here.
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

/** Makes texts of the arguments beyond the model, which must all follow a `--stop`. Throws BAD_USAGE. */
function claimTexts(command: Command, argv: readonly string[]): void {
  const beyondModel = command.args.slice(1);
  const given: readonly string[] = command.opts().stop ?? [];
  const texts: string[] = [];
  const followers: string[] = [];
  let next = 0;
  for (let at = 0; at < argv.length && argv[at] !== '--' && next < given.length; at++) {
    // What only looks like it is the text of another option.
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
  if (beyondModel.length === 0) return;
  if (JSON.stringify(followers) !== JSON.stringify(beyondModel)) {
    const message = `too many arguments for '${command.name()}': expected the model alone, got ${command.args.join(', ')}`;
    command.error(`error: ${message}`, { code: 'commander.excessArguments' });
  }
  command.setOptionValue('stop', texts);
}

/** Commander takes whatever comes next for the text. */
function refuseOption(command: Command, text: string): void {
  const [name] = text.split('=');
  const options = command.createHelp().visibleOptions(command);
  if (!options.some(({ long, short }) => name === long || name === short)) return;
  const message = `--stop takes a text, not the option ${name}; write --stop=${text} if that is the text`;
  throw new FlashrowError('BAD_USAGE', message, { option: '--stop', value: text });
}

const isOperand = (argument: string | undefined): boolean =>
  argument !== undefined && (argument === '-' || !argument.startsWith('-'));
