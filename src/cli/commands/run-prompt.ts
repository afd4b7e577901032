import { FlashrowError } from '../../errors.js';
import { readText, stdinIsGiven } from '../input/read-input.js';
import { notice } from '../output/output.js';

/** The ways to say what is continued, as commander gives them. */
export interface PromptFlags {
  prompt?: string;
  file?: string;
  tokens?: number[];
}

/** A pipe that says nothing for so long gets a word: it looks like a hang. */
const PATIENCE_MS = 2000;

/**
 * The text or the token ids to continue: the one of the four that was given, else what is piped to stdin. Throws
 * BAD_USAGE where there are several, or none.
 */
export async function chosenPrompt(
  argument: string | undefined,
  { prompt, file, tokens }: PromptFlags,
): Promise<string | number[]> {
  const given = Object.entries({
    'a prompt after the model': argument,
    '--prompt': prompt,
    '--file': file,
    '--tokens': tokens,
  })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  if (given.length > 1) throw new FlashrowError('BAD_USAGE', `give ${given.join(' or ')}, not both`);
  if (file !== undefined) return readText('--file', file);
  const chosen = argument ?? prompt ?? tokens ?? (await pipedPrompt());
  if (typeof chosen === 'string' && chosen.includes('\ufffd'))
    notice('note: the prompt holds U+FFFD, the sign for bytes that are not valid UTF-8');
  return chosen;
}

async function pipedPrompt(): Promise<string> {
  const isGiven = stdinIsGiven();
  const text = isGiven ? await readStdin() : '';
  if (text !== '') return text;
  throw new FlashrowError(
    'BAD_USAGE',
    `nothing to continue: give a prompt after the model, --prompt <text>, --file <file> or --tokens <ids>${isGiven ? '; stdin was empty' : ''}`,
  );
}

async function readStdin(): Promise<string> {
  const patience = setTimeout(() => notice('reading the prompt from stdin'), PATIENCE_MS);
  return readText('stdin', '-').finally(() => clearTimeout(patience));
}
