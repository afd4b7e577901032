import { nearestName } from '../../api/nearest-name.js';
import type { TypedMessage } from '../input/chat-input.js';
import { formatRows } from '../output/format.js';

/** The commands of a conversation: name, what follows it, and what it does. */
const COMMANDS = [
  ['system', '[TEXT]', 'set what the model is given before the conversation; "none" takes it away, nothing shows it'],
  ['image', 'FILE', 'show a picture with the next message'],
  [
    'region',
    'PART',
    'have the next message be about a part of the last picture, for models that take them: left,top,right,bottom or across,down in pixels, or a PNG that is black elsewhere; <region> in the message says where',
  ],
  ['retry', '', 'answer the last message again'],
  ['continue', '', 'go on with an answer that was cut off'],
  ['clear', '', 'forget the conversation; the system message stays'],
  ['save', 'FILE', 'write the conversation to a file'],
  ['load', 'FILE', 'go on with a conversation that was saved'],
  [
    'set',
    '[NAME VALUE]',
    'change an option, as in /set temperature 0.7; "default" leaves it to the model, nothing shows all',
  ],
  ['stats', '', 'show what the last answer did and cost'],
  ['help', '', 'show this list'],
  ['exit', '', 'leave, as Ctrl-D does'],
] as const;

export type CommandName = (typeof COMMANDS)[number][0];

const NAMES: readonly string[] = COMMANDS.map(([name]) => name);

/** What other programs call them. */
const OTHER_NAMES: ReadonlyMap<string, CommandName> = new Map([
  ['quit', 'exit'],
  ['bye', 'exit'],
  ['q', 'exit'],
  ['reset', 'clear'],
  ['new', 'clear'],
]);

export const CHAT_HELP = `${formatRows(COMMANDS.map(([name, argument, does]) => [`/${name} ${argument}`.trimEnd(), does]))}
A message that begins with / is sent with // in front. A line that ends in \\ goes on in the next one. Lines between
""" are one message, and so is what is pasted at once.
Ctrl-C stops an answer, or drops a message that is half typed. Twice at an empty prompt it leaves.`;

/** What somebody typed: a message, a command, or what is neither, and why. */
export type Typed =
  | { kind: 'message'; text: string }
  | { kind: 'command'; name: CommandName; argument: string }
  | { kind: 'refused'; reason: string };

/** A slash and a word that nothing but a blank follows. Paths and the comments of code are messages. */
const COMMAND = /^\/([a-z]+)(?:\s+(.*))?$/s;
const ESCAPED = /^\/\/+[a-z]/;

/** Tells commands from messages. Only a message that was typed as one line can be a command. */
export function readTyped({ text, typedAlone }: TypedMessage): Typed {
  if (!typedAlone) return { kind: 'message', text };
  if (ESCAPED.test(text)) return { kind: 'message', text: text.slice(1) };
  const [, name, argument = ''] = COMMAND.exec(text.trimEnd()) ?? [];
  if (name === undefined) return { kind: 'message', text };
  const refused = (why: string): Typed => ({
    kind: 'refused',
    reason: `${why} To send it as a message, write //${name}`,
  });
  const known = COMMANDS.find(([command]) => command === name);
  if (known === undefined) {
    const meant = OTHER_NAMES.get(name) ?? nearestName(name, NAMES);
    return refused(`there is no /${name}; ${meant === null ? '/help lists the commands.' : `did you mean /${meant}?`}`);
  }
  if (known[1] === '' && argument !== '') return refused(`/${name} takes nothing after it.`);
  return { kind: 'command', name: known[0], argument: argument.trim() };
}
