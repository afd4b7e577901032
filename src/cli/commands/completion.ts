import { Command } from 'commander';
import { addExamples } from '../options/help.js';
import { choice } from '../options/option-values.js';
import { printJson } from '../output/output.js';
import { ASK, COMPLETION_SCRIPTS } from './completion-scripts.js';
import { completionsFor, SHELLS } from './completions.js';

export function completionCommand(): Command {
  const command = new Command('completion')
    .description('a script that lets a shell complete commands, options, model names and files with the Tab key')
    .argument('<shell>', `${SHELLS.join(', ')}`, choice('<shell>', SHELLS))
    .action((shell: (typeof SHELLS)[number], { json }: { json?: boolean }) => {
      const script = COMPLETION_SCRIPTS[shell];
      if (json) printJson({ shell, script });
      else process.stdout.write(script);
    });
  return addExamples(
    command,
    ['flashrow completion bash >> ~/.bashrc', 'for bash, in every shell to come'],
    ['flashrow completion zsh > ~/.zfunc/_flashrow', 'for zsh, where ~/.zfunc is in fpath'],
    ['flashrow completion fish > ~/.config/fish/completions/flashrow.fish', 'for fish'],
  );
}

/** The hidden command that the scripts ask what may stand in place of the last word. */
export function askCommand(program: Command): Command {
  return new Command(ASK)
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const { words: found, paths } = await completionsFor(program, words, modelNames);
      process.stdout.write(`${[paths, ...found].join('\n')}\n`);
    });
}

async function modelNames(cacheDir: string | undefined): Promise<string[]> {
  const { listCached } = await import('../../hub/cached-models.js');
  return [...new Set(listCached(cacheDir).map(({ name }) => name))].sort();
}
