import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const relay = fileURLToPath(new URL('terminal.py', import.meta.url));

/** A terminal comes from python3: Node has none. */
export const haveTerminal = (() => {
  try {
    execFileSync('python3', ['-c', 'import pty, fcntl, termios'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
/** The end of a test's name: why it is skipped, or nothing. */
export const withoutTerminal = haveTerminal
  ? ''
  : ' (skipped: no python3 with a terminal; install it on Linux or macOS)';

/** The command line on a terminal of its own: what is typed, and what has been shown. */
export class Terminal {
  shown = '';
  readonly exitCode: Promise<number | null>;
  readonly #child: ChildProcess;
  #seen = 0;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const given = { ...process.env, TERM: 'xterm-256color', FLASHROW_DEBUG: '', ...env };
    this.#child = spawn('python3', [relay, process.execPath, main, ...args], { env: given });
    this.#child.stdout!.setEncoding('utf8').on('data', (text) => {
      this.shown += text;
    });
    this.exitCode = new Promise((resolve) => this.#child.on('close', resolve));
  }

  type(keys: string): void {
    this.#seen = this.shown.length;
    this.#child.stdin!.write(keys);
  }

  /** Waits until what came since the last keys matches, and returns it. */
  async see(pattern: RegExp): Promise<string> {
    await expect.poll(() => this.shown.slice(this.#seen), { timeout: 240_000, interval: 20 }).toMatch(pattern);
    return this.shown.slice(this.#seen);
  }

  /** Sends SIGTERM to the command. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }
}
