import type { GenerateOptions, Generation, GenerationResult } from '../../contract/api.js';
import { formatCount, plural } from './format.js';
import { progressBar } from './progress.js';

const ENDINGS = { stop: 'stopped', length: 'the limit was reached', abort: 'interrupted' };

/**
 * Runs a generation and, unless `quiet`, writes its text to stdout as it comes, with a bar over a long prompt. An abort
 * leaves the loop: the result then holds the text so far.
 */
export async function writeAnswer(
  begin: (options: Pick<GenerateOptions, 'onPrefill'>) => Generation,
  { quiet, signal }: { quiet: boolean; signal: AbortSignal },
): Promise<GenerationResult> {
  const bar = progressBar();
  const generation = begin({ onPrefill: (done, total) => bar.update('reading the prompt', done, total, 'tokens') });
  const pieces = generation[Symbol.asyncIterator]();
  const leave = () => pieces.return?.();
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  let written = 0;
  const write = (text: string) => {
    if (quiet) return;
    process.stdout.write(text);
    written += text.length;
  };
  try {
    for await (const { text } of { [Symbol.asyncIterator]: () => pieces }) {
      bar.stop();
      write(text);
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

/** `12 prompt tokens (8 reused), 40 generated: stopped` */
export function formatUsage({ usage, finishReason }: Pick<GenerationResult, 'usage' | 'finishReason'>): string {
  const cached = usage.cached === 0 ? '' : ` (${formatCount(usage.cached)} reused)`;
  return `${plural(usage.prompt, 'prompt token')}${cached}, ${formatCount(usage.completion)} generated: ${ENDINGS[finishReason]}`;
}
