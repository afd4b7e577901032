import type { Command, Option } from 'commander';
import { WRITABLE_FORMATS } from '../../../native-bridge/formats.js';
import { CACHE_POLICIES } from '../../cache/policy.js';
import { STATE_FORMATS } from '../../plan/state-format.js';
import { SELECTOR_NAMES } from '../../select/selector.js';

/** What may stand in a place: words, and whether files or folders may too. */
export interface Completions {
  words: readonly string[];
  paths: 'files' | 'folders' | 'none';
}

const FORMATS = ['source', ...WRITABLE_FORMATS];

const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--select': ['auto', ...SELECTOR_NAMES],
  '--cache': ['auto', ...CACHE_POLICIES],
  '--state': STATE_FORMATS,
  '--rows': FORMATS,
  '--dense': FORMATS,
};

const PATHS: Readonly<Record<string, Completions['paths']>> = {
  '--annotate': 'files',
  '--cache-dir': 'folders',
  '--chat-template': 'files',
  '--file': 'files',
  '--image': 'files',
  '--mmproj': 'folders',
  '--region': 'files',
  '--sequences': 'files',
  '--text': 'files',
  '--trace': 'files',
};

const NOTHING: Completions = { words: [], paths: 'none' };
/** Arguments of commands that a name in the cache folder may stand for. */
const NAMED = ['model', 'store', 'name'];

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/**
 * What may stand in place of the last of `words`, which follow the program's name. `models` gives the names in the
 * cache folder, and is called only where they may stand.
 */
export async function completionsFor(
  program: Command,
  words: readonly string[],
  models: (cacheDir: string | undefined) => Promise<readonly string[]>,
): Promise<Completions> {
  const current = words.at(-1) ?? '';
  const names = program.commands.filter((each) => !isHidden(program, each)).map((each) => each.name());
  if (words.length < 2)
    return { words: begun(current.startsWith('-') ? optionsOf(program) : names, current), paths: 'none' };
  const command = program.commands.find((each) => [each.name(), ...each.aliases()].includes(words[0]));
  if (!command) return NOTHING;
  const { option, operands, cacheDir } = before(command, words.slice(1, -1));
  if (option) return valuesOf(command, option, current);
  const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  const written = flag === undefined ? undefined : command.options.find(({ long }) => long === flag);
  if (written && value !== undefined) {
    const found = valuesOf(command, written, value);
    return { words: found.words.map((word) => `${flag}=${word}`), paths: found.paths };
  }
  if (current.startsWith('-')) return { words: begun(optionsOf(command), current), paths: 'none' };
  const argument = command.registeredArguments[operands]?.name();
  if (argument === 'command') return { words: begun(names, current), paths: 'none' };
  if (argument === 'shell') return { words: begun(SHELLS, current), paths: 'none' };
  if (argument === undefined || argument === 'prompt') return NOTHING;
  const known = NAMED.includes(argument) ? begun(await models(cacheDir), current) : [];
  return { words: known, paths: argument === 'name' ? 'none' : 'files' };
}

/** What the words before say: the option whose value is to come, how many operands there were, and the cache folder. */
function before(command: Command, words: readonly string[]) {
  let option: Option | undefined;
  let operands = 0;
  let cacheDir: string | undefined;
  for (const word of words) {
    if (option) {
      if (option.long === '--cache-dir') cacheDir = word;
      option = undefined;
    } else if (word.startsWith('-') && word !== '-') {
      const named = command.options.find(({ long, short }) => word === long || word === short);
      if (named?.required) option = named;
      else if (word.startsWith('--cache-dir=')) cacheDir = word.slice('--cache-dir='.length);
    } else operands++;
  }
  return { option, operands, cacheDir };
}

/** `--text` of tokenize is a text, not a file. */
function valuesOf(command: Command, { long, flags }: Option, current: string): Completions {
  const paths = PATHS[long ?? ''] ?? 'none';
  return {
    words: begun(VALUES[long ?? ''] ?? [], current),
    paths: command.name() === 'tokenize' && flags === '--text <text>' ? 'none' : paths,
  };
}

const optionsOf = (command: Command): string[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);

const begun = (words: readonly string[], start: string): string[] => words.filter((word) => word.startsWith(start));

const isHidden = (program: Command, command: Command): boolean =>
  !program.createHelp().visibleCommands(program).includes(command);
