import type { Command, Help, HelpConfiguration } from 'commander';

/** Below this width a description stands under its option, not beside it. */
const NARROW = 72;
const INDENT = 6;

/** How help is laid out: it fits the terminal, however narrow, and names no `[options]`, which every command has. */
export const HELP_FORMAT: HelpConfiguration = {
  minWidthToWrap: 10,
  subcommandTerm: (command) => [command.name(), ...argumentTerms(command)].join(' '),
  formatItem(term, termWidth, description, helper) {
    const width = helper.helpWidth ?? 80;
    if (description === '') return `  ${term}`;
    if (width >= NARROW) {
      const indent = termWidth + 4;
      const wrapped = helper.boxWrap(description, Math.max(10, width - indent));
      return `  ${term.padEnd(termWidth + term.length - helper.displayWidth(term))}  ${indented(wrapped, indent)}`;
    }
    return `  ${term}\n${' '.repeat(INDENT)}${indented(helper.boxWrap(description, Math.max(10, width - INDENT)), INDENT)}`;
  },
};

const argumentTerms = (command: Command): string[] =>
  command.registeredArguments.map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`));

const indented = (text: string, columns: number) => text.replace(/\n/g, `\n${' '.repeat(columns)}`);

/** Adds paragraphs behind the options, wrapped to the terminal. */
export const addParagraphs = (command: Command, ...paragraphs: string[]): Command =>
  command.addHelpText('after', ({ command: shown }) => {
    const helper = helperOf(shown);
    return paragraphs.map((text) => `\n${helper.boxWrap(text, helper.helpWidth ?? 80)}`).join('\n');
  });

/** Adds command lines that do what people want most, each with a word on it. Tests read them off the help. */
export const addExamples = (command: Command, ...examples: [line: string, does: string][]): Command =>
  command.addHelpText('after', ({ command: shown }) => {
    const helper = helperOf(shown);
    const lines = examples.map(([line, does]) => `  # ${does}\n  $ ${line}`);
    return `\n${helper.styleTitle('Examples:')}\n${lines.join('\n')}`;
  });

function helperOf(command: Command): Help {
  const helper = command.createHelp();
  helper.prepareContext({ helpWidth: process.stdout.columns || 80 });
  return helper;
}
