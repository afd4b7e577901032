import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const written = (path: string) => statSync(join(dist, path)).mtimeMs;

/** Stops a run whose threads would not be those of the modules: `tsc` alone leaves their bundle as it was. */
export function setup(): void {
  const modules = ['src', 'native-bridge'].flatMap((folder) =>
    readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.js'))
      .map((path) => join(folder, path)),
  );
  const bundled = written('threads/worker.mjs');
  const newer = modules.find((path) => !path.includes('page') && written(path) > bundled);
  if (newer !== undefined) throw new Error(`dist/${newer} is newer than dist/threads: run \`npm run build\``);
}
