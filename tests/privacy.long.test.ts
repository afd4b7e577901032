import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TALES } from './support/shipped.js';
import { type Entry, list, TYPES, tinyLlama, writeGguf } from './support/tiny-gguf.js';

const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const LIBRARY = new URL('../dist/src/index.js', import.meta.url).href;
const haveStrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;
const why = haveStrace ? '' : ' (skipped: needs strace, and the leave to trace)';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'flashrow-privacy-')));
  // The vocabulary is made sound, so that the model runs.
  const gguf = tinyLlama();
  const entries = gguf.entries.map<Entry>((entry) =>
    entry[0] === 'tokenizer.ggml.tokens'
      ? [entry[0], entry[1], list(TYPES.string, [...'abcdefghijklmn', 'ab', 'cd'])]
      : entry,
  );
  writeFileSync(join(root, 'text.txt'), 'Once upon a time there was a little dog.');
  writeFileSync(join(root, 'tiny.gguf'), writeGguf({ ...gguf, entries }).file);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The paths that calls of the system wrote, made, moved or removed, and the sockets of a network that were opened. */
function outward(trace: string): { written: string[]; sockets: string[] } {
  const lines = trace.split('\n').filter((line) => !line.includes('<unfinished') && !/ = -1 E/.test(line));
  const changes = /\b(?:mkdir|rename|unlink|rmdir|link|symlink|truncate|mknod)(?:at2?)?\(/;
  const opens = (line: string) =>
    /\b(?:open|openat|creat)\(/.test(line) && /O_WRONLY|O_RDWR|O_CREAT|creat\(/.test(line);
  return {
    written: lines
      .filter((line) => changes.test(line) || opens(line))
      .flatMap((line) => [...line.matchAll(/"([^"]+)"/g)].map(([, path]) => resolve(root, path)))
      .filter((path) => path !== '/dev/null' && path !== '/dev/tty'),
    sockets: lines.filter((line) => /\b(?:socket|connect)\(.*AF_INET/.test(line)),
  };
}

/** Runs Node with an empty home, and with no variable that might turn telemetry off by itself. */
async function traced(args: readonly string[]) {
  const file = join(root, 'trace');
  const calls =
    'trace=%network,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,symlink';
  // Bytes as they are (-s), so that no path is cut; paths that Node writes are relative to nothing.
  await promisify(execFile)('strace', ['-f', '-qq', '-s', '4096', '-e', calls, '-o', file, process.execPath, ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: join(root, 'home'), TMPDIR: join(root, 'tmp') },
  });
  return outward(readFileSync(file, 'utf8'));
}

const outside = (written: readonly string[], folder: string) =>
  written.filter((path) => !path.startsWith(folder) && !folder.startsWith(path));

describe.skipIf(!haveStrace)(`outside the cache folder${why}`, () => {
  const commands = {
    run: ['run', 'tiny.gguf', '--tokens', '[1,2]', '--max-tokens', '2'],
    logprobs: ['logprobs', 'tiny.gguf', '--tokens', '[1,2,3]', '--top', '1'],
    tokenize: ['tokenize', 'tiny.gguf', '--text', 'a'],
    plan: ['plan', 'tiny.gguf'],
    compare: [
      ...['eval', TALES, '--text', 'text.txt', '--context', '64', '--lossy', '--select', 'low-rank', '--compare'],
    ],
    list: ['list'],
    help: ['help'],
  };
  it.each(Object.entries(commands))('`flashrow %s` writes nothing, and opens no socket', async (_, args) => {
    const { written, sockets } = await traced([MAIN, ...args]);
    expect(sockets).toEqual([]);
    expect(outside(written, join(root, 'home/.cache/flashrow'))).toEqual([]);
  });

  it('a model that a worker thread loads writes nothing, and opens no socket', async () => {
    const program = `
      import { isMainThread, Worker } from 'node:worker_threads';
      if (isMainThread) new Worker(process.argv[1]);
      else {
        const { loadModel } = await import(${JSON.stringify(LIBRARY)});
        const model = await loadModel('tiny.gguf', { cacheDir: 'cache' });
        await model.generate([1, 2], { maxTokens: 2 }).result;
        await model.dispose();
      }`;
    writeFileSync(join(root, 'program.mjs'), program);
    const { written, sockets } = await traced(['program.mjs']);
    expect(sockets).toEqual([]);
    expect(written.some((path) => path.startsWith(join(root, 'cache/')))).toBe(true);
    expect(outside(written, join(root, 'cache'))).toEqual([]);
  });

  it('the test sees a program that does both', async () => {
    const program = `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { connect } from 'node:net';
      mkdirSync('home');
      writeFileSync('home/deviceid', '');
      connect(9, '127.0.0.1').on('error', () => {});`;
    const { written, sockets } = await traced(['--input-type=module', '--eval', program]);
    expect(sockets).not.toEqual([]);
    expect(outside(written, join(root, 'cache'))).toContain(join(root, 'home/deviceid'));
  });
});
