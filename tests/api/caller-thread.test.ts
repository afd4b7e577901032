import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = new URL('../../dist/', import.meta.url);

/** Prints the address of each module as it is loaded. */
const TELL_LOADED = `export async function load(url, context, next) {
  process._rawDebug(url);
  return next(url, context);
}`;

async function loadedBy(entry: string): Promise<string[]> {
  const hooks = JSON.stringify(`data:text/javascript,${encodeURIComponent(TELL_LOADED)}`);
  const program = `import { register } from 'node:module';
    register(${hooks});
    await import(${JSON.stringify(new URL(entry, ROOT).href)});`;
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(ROOT),
  });
  return stderr.split('\n').filter((line) => line.startsWith('file:'));
}

it("the app's thread loads what it runs itself, and nothing of the engine", async () => {
  const loaded = await loadedBy('src/index.js');
  const own = loaded.filter((url) => url.startsWith(ROOT.href)).map((url) => url.slice(ROOT.href.length));
  expect(own).toContain('src/api/load-model.js');
  const rooms = new Set(own.map((path) => path.split('/').slice(0, -1).join('/')));
  // Of disk/ what a path may not be, of grammar/ what a text may not hold. Of plan/ what an error carries and what
  // memory is counted from, of text/ the check of messages; the rest runs in the workers.
  expect([...rooms].sort()).toEqual([
    ...[
      'src',
      'src/api',
      'src/api/activity',
      'src/api/checks',
      'src/api/pictures',
      'src/contract',
      'src/disk',
      'src/grammar',
    ],
    ...['src/plan', 'src/text', 'src/vision'],
  ]);
  expect(own.filter((path) => path.startsWith('src/grammar/'))).toEqual(['src/grammar/code-points.js']);
  expect(own.filter((path) => path.startsWith('src/text/'))).toEqual(['src/text/chat-message.js']);
  expect(own.filter((path) => path.startsWith('src/plan/')).sort()).toEqual([
    'src/plan/anonymous-bytes.js',
    'src/plan/bytes.js',
    'src/plan/insufficient-memory.js',
    'src/plan/model-options.js',
  ]);
  expect(own.filter((path) => path.startsWith('src/vision/'))).toEqual(['src/vision/boxes.js']);
  expect(own.filter((path) => path.startsWith('src/disk/'))).toEqual(['src/disk/tilde.js']);
  expect(loaded.filter((url) => url.includes('/node_modules/'))).toEqual([]);
});
