/**
 * Removes dist/ unless it holds a file for each source and no other. The build writes only what has changed: a source
 * that was moved or deleted would leave its old output behind, to be tested and packed. The page is a bundle, and made
 * anew each time.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** The page's sources, and what is made of them. */
const PAGE = /(^|[\\/])page[\\/]/;

/** Paths without their ending, of the files in `folder` that end like this; not of packages installed in it. */
const stems = (folder, ending) =>
  readdirSync(folder, { recursive: true })
    .filter((path) => ending.test(path) && !path.includes('node_modules') && !PAGE.test(path))
    .map((path) => path.replace(ending, ''));

if (existsSync(dist)) {
  const sources = ['src', 'native-bridge', 'bench'].flatMap((folder) =>
    stems(join(root, folder), /\.ts$/).map((path) => join(folder, path)),
  );
  const expected = new Set(sources);
  const built = stems(dist, /\.js$/);
  const typed = stems(dist, /\.d\.ts$/);
  const whole = (outputs) => outputs.length === expected.size && outputs.every((path) => expected.has(path));
  if (!whole(built) || !whole(typed)) rmSync(dist, { recursive: true });
}
