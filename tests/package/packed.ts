import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const run = promisify(execFile);
export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const isPackageRun = process.env.FLASHROW_TESTS === 'package';
export const skipped = isPackageRun ? '' : ' (skipped: fetches packages; npm run test:package)';

/**
 * Packs the package and installs it, scripts and all, in an empty folder, with other packages beside it. Resolves to
 * the tarball's path, and what npm said on stderr.
 */
export async function installPacked(folder: string, ...others: string[]): Promise<{ tarball: string; said: string }> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: repository });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const tarball = join(folder, filename);
  const args = ['install', '--no-audit', '--no-fund', tarball, ...others];
  return { tarball, said: (await run('npm', args, { cwd: folder })).stderr };
}
