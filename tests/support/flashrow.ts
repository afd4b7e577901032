import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface Outcome {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  outcome: Promise<Outcome>;
}

/** Starts the built command line. */
export function start(args: readonly string[], input = ''): Running {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, FLASHROW_DEBUG: '' } });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const outcome = new Promise<Outcome>((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  return { child, outcome };
}

export const flashrow = (args: readonly string[], input = ''): Promise<Outcome> => start(args, input).outcome;

export interface ErrorJson {
  error: { code: string; message: string; details: Record<string, unknown> };
}

/** With `--json` after the command; the one object on stdout. Throws where there is anything else on it. */
export async function flashrowJson<Result = ErrorJson>(
  [command, ...args]: readonly string[],
  input = '',
): Promise<{ exitCode: number | null; stderr: string; json: Result }> {
  const { exitCode, stdout, stderr } = await flashrow([command, '--json', ...args], input);
  return { exitCode, stderr, json: JSON.parse(stdout) };
}
