import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));

// npm 10 has no `allowScripts`: it runs the scripts of packages that the lock file marks, and this one would download
// GPU libraries. npm 11 reads `allowScripts`. A key of the script's own in .npmrc makes npm 11 warn at every command.
it('no npm runs the install script of onnxruntime-node in a clone', () => {
  expect(read('package-lock.json').packages['node_modules/onnxruntime-node'].hasInstallScript).toBeUndefined();
  expect(read('package.json').allowScripts['onnxruntime-node']).toBe(false);
  expect(existsSync(new URL('../.npmrc', import.meta.url))).toBe(false);
});
