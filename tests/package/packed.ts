import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject } from 'vitest';

export const run = promisify(execFile);
export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const isPackageRun = process.env.FLASHROW_TESTS === 'package';
export const skipped = isPackageRun ? '' : ' (skipped: fetches packages; npm run test:package)';

/** The tarball that pack.ts made: the files in it, and its bytes. */
export interface Packed {
  tarball: string;
  paths: string[];
  size: number;
}

/** Installs the package, scripts and all, in an empty folder, with others beside it. Resolves to npm's stderr. */
export async function installPacked(folder: string, ...others: string[]): Promise<string> {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', inject('packed').tarball, ...others];
  return (await run('npm', args, { cwd: folder })).stderr;
}

/** An app that prints which kernels it runs on. */
export const appFor = (model: string): string => `import { loadModel } from 'flashrow';
const model = await loadModel(${JSON.stringify(model)}, { memory: '8MB', contextSize: 32 });
const { text } = await model.generate('Once upon a time', { maxTokens: 4 }).result;
console.log(text === '' ? 'nothing' : model.info.kernels);
await model.dispose();
`;

/** The same where a module cannot wait at its top, as in CommonJS. `first` brings `loadModel`. */
export const callbackAppFor = (model: string, first = "import { loadModel } from 'flashrow';"): string =>
  `${first}\n(async () => {\n${appFor(model).replace(/import .*\n/, '')}})();\n`;

/** Runs a program that is such an app; the kernels are told on stdout, a lack of them on stderr. */
export async function runApp(program: string, args: readonly string[], cwd: string) {
  const { stdout, stderr } = await run(program, args, { cwd });
  return { kernels: stdout.trim(), warned: stderr.includes('FLASHROW_SLOW_KERNELS') };
}

/** What `runApp` finds on compiled kernels. */
export const FAST = { kernels: expect.stringMatching(/^(avx|neon|portable)/), warned: false };
