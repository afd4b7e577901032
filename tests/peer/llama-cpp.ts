import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Natural-log probabilities after each token: the `top` likeliest [id, lnp], best first. */
export const llamaLogprobs = (path: string, tokens: number[], top: number): Promise<[number, number][][]> =>
  ask({ path, tokens, top });

/** Ids of texts, without BOS and with special tokens taken as text. */
export const llamaTokenize = (path: string, texts: readonly string[]): Promise<number[][]> => ask({ path, texts });

/** In a process of its own, so that llama.cpp's memory and threads are gone afterwards. */
function ask<Answer>(question: object): Promise<Answer> {
  const child = fork(fileURLToPath(new URL('llama-cpp-child.mjs', import.meta.url)), {
    cwd: process.env.FLASHROW_PEER,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('message', (answer) => resolve(answer as Answer));
    child.on('close', () => reject(new Error(`llama.cpp did not answer: ${stderr}`)));
    child.send(question);
  });
}
