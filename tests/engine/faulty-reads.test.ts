import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { availableIsas } from '../../dist/native-bridge/index.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { TALES } from '../support/shipped.js';

/**
 * Comes between the addon and the kernel: reads of files by that name, from a byte on, do what the switch file says.
 */
const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fault(int fd, off_t offset) {
  if (offset < atoll(getenv("FAULTY_FROM"))) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strstr(path, getenv("FAULTY_FILE")) == NULL) return 0;
  FILE* file = fopen(getenv("FAULT_SWITCH"), "r");
  if (file == NULL) return 0;
  int kind = fgetc(file);
  fclose(file);
  return kind == EOF ? 0 : (char)kind;
}

typedef ssize_t (*Read)(int, void*, size_t, off_t);

static ssize_t faulty(const char* name, int fd, void* into, size_t bytes, off_t offset) {
  Read real = (Read)dlsym(RTLD_NEXT, name);
  switch (fault(fd, offset)) {
    case 'e': errno = EIO; return -1;
    case 'i': if (rand() % 2) { errno = EINTR; return -1; } break;
    case 's': if (bytes > 4096) bytes = bytes / 2 / 4096 * 4096; break;
    case 'z': return 0;
  }
  return real(fd, into, bytes, offset);
}

ssize_t pread(int fd, void* into, size_t bytes, off_t offset) { return faulty("pread", fd, into, bytes, offset); }
ssize_t pread64(int fd, void* into, size_t bytes, off_t offset) { return faulty("pread64", fd, into, bytes, offset); }
`;

const folder = mkdtempSync(join(tmpdir(), 'flashrow-faulty-'));
const shim = join(folder, 'shim.so');
afterAll(() => rmSync(folder, { recursive: true }));

const unavailable = (() => {
  if (process.platform !== 'linux' || availableIsas()[0] === 'ts') return 'needs Linux and the addon';
  try {
    writeFileSync(join(folder, 'shim.c'), SHIM);
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, join(folder, 'shim.c'), '-ldl'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs a C compiler called cc';
  }
})();

/** Generates well, with each fault, and well again, all with one model; prints what came of it. */
const SCRIPT = `
import { writeFileSync } from 'node:fs';
import { loadModel } from '${new URL('../../dist/src/index.js', import.meta.url)}';
const [source, prompt, options] = JSON.parse(process.env.RUN);
const model = await loadModel(source, options);
const write = async (fault) => {
  writeFileSync(process.env.FAULT_SWITCH, fault);
  try {
    return (await model.generate(prompt, { maxTokens: 6, ignoreEos: true }).result).tokens;
  } catch ({ code, message, details }) {
    return { code, message, details };
  }
};
const said = {};
for (const fault of ['', 's', 'i', 'e', 'z']) {
  said[fault || 'none'] = await write(fault);
  said[(fault || 'none') + ', then none'] = await write('');
}
await model.dispose();
console.log(JSON.stringify(said));
`;

type Said = Record<string, number[] | { code: string; message: string; details: Record<string, unknown> }>;

async function run(
  source: string,
  prompt: number[],
  options: object,
  faultyFile: string,
  faultyFrom: number,
): Promise<Said> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    env: {
      ...process.env,
      LD_PRELOAD: shim,
      FAULTY_FILE: faultyFile,
      FAULTY_FROM: String(faultyFrom),
      FAULT_SWITCH: join(folder, 'switch'),
      RUN: JSON.stringify([source, prompt, options]),
    },
  });
  return JSON.parse(stdout);
}

describe.skipIf(unavailable !== null)(
  `reads that fail while a model runs${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    const mixture = join(folder, 'mixture.gguf');
    beforeAll(() => {
      const { experts } = SHAPES['tiny-moe'];
      writeRandomGguf(mixture, { ...SHAPES['tiny-moe'], family: 'mixtral', headDim: 32, experts }, 'q8_0');
      writeFileSync(join(folder, 'switch'), '');
    });

    it.each<[string, string, number[], object, string, () => number, RegExp]>([
      [
        'rows of a store',
        TALES,
        [1, 5, 9],
        { memory: '5.6MB', contextSize: 64 },
        'rows.bin',
        () => 0,
        /bundle \d+ of layer \d+/,
      ],
      [
        'experts in a GGUF file',
        mixture,
        [1, 300, 17],
        { memory: '8MB', contextSize: 64, cacheDir: folder },
        'mixture.gguf',
        // Rows of the embedding are read from the same file, and come first.
        () => openCheckpoint(mixture).tensors.get('layers.0.gate')!.offset,
        /expert \d+ of layer \d+/,
      ],
    ])(
      'of %s: short and interrupted ones are made up for, others name their place, and the model lives on',
      async (_, source, prompt, options, file, from, place) => {
        const said = await run(source, prompt, options, file, from());
        const right = said.none;
        expect(right).toHaveLength(6);
        for (const well of [
          's',
          'i',
          'none, then none',
          's, then none',
          'i, then none',
          'e, then none',
          'z, then none',
        ])
          expect(said[well], well).toEqual(right);
        expect(said.e).toMatchObject({
          code: 'IO',
          message: expect.stringMatching(place),
          details: { layer: expect.any(Number), bundle: expect.any(Number), offset: expect.any(Number), errno: 'EIO' },
        });
        expect(said.z).toMatchObject({
          code: 'IO',
          message: expect.stringContaining('the file is truncated'),
          details: { layer: expect.any(Number), bundle: expect.any(Number), offset: expect.any(Number) },
        });
      },
    );
  },
);
