/**
 * Compiles shipped addons once more, from a copy of the sources in another folder and with an empty cache of Zig's, and
 * compares the bytes with what `npm run prebuilds` has left. Fails where one differs.
 *
 *     node tools/check-reproducible.mjs [TARGET...]        all that are there without
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TARGETS, targetPath } from './targets.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));
const COPIED = ['package.json', 'tools', 'native-bridge/src'];
const scripts = ['build.mjs', 'compile.mjs', 'node-imports.mjs'].map((name) => `native-bridge/${name}`);

const digest = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

const given = process.argv.slice(2);
const names = given.length > 0 ? given : Object.keys(TARGETS).filter((name) => existsSync(targetPath(name)));
const folder = mkdtempSync(join(tmpdir(), 'flashrow-again-'));
try {
  for (const path of [...COPIED, ...scripts]) cpSync(join(repository, path), join(folder, path), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  const cache = join(folder, 'zig-cache');
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
  for (const name of names) {
    const again = spawnSync(process.execPath, ['tools/prebuild.mjs', name], { cwd: folder, env, encoding: 'utf8' });
    if (again.status !== 0) throw new Error(again.stderr);
    const [first, second] = [targetPath(name), join(folder, relative(repository, targetPath(name)))].map(digest);
    console.log(`${name}: ${first === second ? `the same bytes, ${first}` : `${first} is not ${second}`}`);
    if (first !== second) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
