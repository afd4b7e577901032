import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { REPOSITORY, type Snippet } from './page.js';

/** A folder as a reader has it: the package installed, its command on the path, and the shipped model. */
export class Desk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flashrow-docs-'));

  constructor() {
    const bin = join(this.#folder, 'node_modules', '.bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(REPOSITORY, join(this.#folder, 'node_modules', 'flashrow'));
    // A package that an app brings itself.
    symlinkSync(join(REPOSITORY, 'node_modules/ai'), join(this.#folder, 'node_modules/ai'));
    symlinkSync(join(REPOSITORY, 'weights'), join(this.#folder, 'weights'));
    const command = join(bin, 'flashrow');
    writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${REPOSITORY}dist/src/cli/main.js" "$@"\n`);
    chmodSync(command, 0o755);
  }

  /** What is wrong with a snippet: null, or words that say it. */
  async fault(snippet: Snippet): Promise<string | null> {
    const { language, code, exitCode, output } = snippet;
    const program =
      language === 'sh' ? ['sh', '-e'] : language === 'js' ? [process.execPath, '--input-type=module'] : null;
    if (program === null) return `a snippet of language "${language}" cannot run; say why with not-run="..."`;
    const { status, stdout, stderr } = await this.#run(program, code);
    if (status !== exitCode) return `it ended with ${status}, not ${exitCode}:\n${stderr}`;
    if (output === null) return null;
    const wrong = output.keysOnly ? differentKeys(JSON.parse(output.text), JSON.parse(stdout)) : null;
    if (output.keysOnly) return wrong;
    return stdout.trim() === output.text.trim() ? null : `the page shows\n${output.text}\nand it prints\n${stdout}`;
  }

  clear(): void {
    rmSync(this.#folder, { recursive: true });
  }

  async #run([command, ...args]: string[], input: string): Promise<{ status: number; stdout: string; stderr: string }> {
    const path = `${join(this.#folder, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`;
    const env = { ...process.env, PATH: path, FLASHROW_CACHE: join(this.#folder, 'cache'), npm_config_offline: 'true' };
    const child = spawn(command, args, { cwd: this.#folder, env });
    child.stdin.end(input);
    const ended = new Promise<number>((resolve, reject) => {
      child.on('error', reject).on('close', (status) => resolve(status ?? -1));
    });
    const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { status, stdout, stderr };
  }
}

/**
 * Where the names or types of two values differ; null where they do not. `{}` stands for any object, null for any
 * value.
 */
export function differentKeys(shown: unknown, found: unknown, where = 'it'): string | null {
  if (shown === null || (found === null && typeof shown !== 'object')) return null;
  if (Array.isArray(shown) && Array.isArray(found))
    return shown.length > 0 && found.length > 0 ? differentKeys(shown[0], found[0], `${where}[0]`) : null;
  if (typeof shown !== typeof found || Array.isArray(shown) !== Array.isArray(found) || found === null)
    return `${where} is ${JSON.stringify(found)}, not like ${JSON.stringify(shown)}`;
  if (typeof shown !== 'object') return null;
  const [ours, theirs] = [Object.keys(shown).sort(), Object.keys(found as object).sort()];
  if (ours.length > 0 && ours.join() !== theirs.join()) return `${where} has ${theirs}, not ${ours}`;
  const differences = ours.map((key) =>
    differentKeys((shown as Record<string, unknown>)[key], (found as Record<string, unknown>)[key], `${where}.${key}`),
  );
  return differences.find((difference) => difference !== null) ?? null;
}
