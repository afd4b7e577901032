import { fstatSync } from 'node:fs';
import type { GenerateOptions } from '../../contract/generate-options.js';
import type { Generation, GenerationResult } from '../../contract/generation.js';
import { formatCount, plural } from './format.js';
import { printModelText, textGoesOn } from './output.js';
import { progressBar } from './progress.js';
import { colorsFor } from './terminal.js';
import { visibleText } from './visible-text.js';

const ENDINGS: Readonly<Record<string, string>> = {
  endToken: 'the model ended it',
  maxTokens: 'the limit was reached',
  contextSize: 'the context is full',
  signal: 'interrupted',
  loop: 'interrupted',
};
/** Of a long prompt a terminal shows the end. */
const SHOWN_PROMPT = 500;

interface AnswerOptions {
  /** Writes no text: it comes in JSON. */
  quiet: boolean;
  signal: AbortSignal;
  /** The prompt that a terminal shows, dimmed, before its continuation. */
  shownPrompt?: string;
}

/**
 * Runs a generation and, unless `quiet`, writes its text to stdout as it comes, with a bar over the prompt. An abort
 * leaves the loop: the result then holds the text so far.
 */
export async function writeAnswer(
  begin: (options: Pick<GenerateOptions, 'onProgress'>) => Generation,
  { quiet, signal, shownPrompt = '' }: AnswerOptions,
): Promise<GenerationResult> {
  const bar = progressBar();
  const generation = begin({
    onProgress: ({ done, total }) => bar.update('reading the prompt', done, total, 'tokens'),
  });
  const pieces = generation[Symbol.asyncIterator]();
  const leave = () => pieces.return?.();
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  const showsCount = quiet || writesToFile();
  let written = 0;
  let count = 0;
  const write = (text: string) => {
    if (quiet) return;
    if (written === 0) printDimmed(shownPrompt);
    printModelText(text);
    written += text.length;
  };
  try {
    for await (const piece of { [Symbol.asyncIterator]: () => pieces }) {
      if (count === 0) bar.stop();
      if (piece.type === 'text' && piece.text !== '') write(piece.text);
      if (showsCount) bar.update('writing', ++count, 0, 'tokens');
    }
    const result = await generation.result;
    // Pieces that were on their way when the loop was left.
    write(result.text.slice(written));
    return result;
  } finally {
    bar.stop();
    signal.removeEventListener('abort', leave);
  }
}

/** The count of tokens goes to a terminal that the text itself does not go to. Of a pipe nobody knows where it ends. */
function writesToFile(): boolean {
  try {
    return fstatSync(1).isFile();
  } catch {
    return false;
  }
}

function printDimmed(prompt: string): void {
  if (prompt === '' || !process.stdout.isTTY) return;
  const end = prompt.length > SHOWN_PROMPT ? `...${prompt.slice(-SHOWN_PROMPT)}` : prompt;
  process.stdout.write(colorsFor(process.stdout).dim(visibleText(end)));
  textGoesOn(end);
}

/** `12 prompt tokens (8 reused), 40 generated: the limit was reached` */
export function formatUsage({
  usage,
  endedBy,
  stopText,
}: Pick<GenerationResult, 'usage' | 'endedBy' | 'stopText'>): string {
  const cached = usage.cached === 0 ? '' : ` (${formatCount(usage.cached)} reused)`;
  const ending = stopText === null ? (ENDINGS[endedBy] ?? endedBy) : `stopped at ${JSON.stringify(stopText)}`;
  return `${plural(usage.prompt, 'prompt token')}${cached}, ${formatCount(usage.completion)} generated: ${ending}`;
}
