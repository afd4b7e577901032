import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import type { Packed } from './packed.js';

declare module 'vitest' {
  interface ProvidedContext {
    packed: Packed;
  }
}

/** Packs the package, once for all tests: its scripts build, and compile what is to be shipped. */
export default async function pack(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-packed-'));
  const repository = fileURLToPath(new URL('../..', import.meta.url));
  const args = ['pack', '--json', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: repository, maxBuffer: 1e8 });
  const [{ filename, files, size }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  const paths = files.map(({ path }: { path: string }) => path);
  project.provide('packed', { tarball: join(folder, filename), paths, size });
  return () => rmSync(folder, { recursive: true, force: true });
}
