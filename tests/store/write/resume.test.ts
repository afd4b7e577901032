import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../dist/src/import/checkpoint.js';
import { isStore, openStore } from '../../../dist/src/store/reader.js';
import type { WriteOptions } from '../../../dist/src/store/write/writer.js';
import { contents, convert, failure, randomCheckpoint, STORED, scratchFolder } from '../support.js';

const folder = scratchFolder();
const unused = () => join(folder, `store-${Math.random()}`);
const LAYERS = 3;
const checkpoint = randomCheckpoint(folder, { hiddenSize: 64, intermediateSize: 256, numLayers: LAYERS, rows: 'q4_1' });
let whole: Map<string, string>;
let pieces = 0;

beforeAll(async () => {
  const destination = unused();
  await convert(checkpoint, destination, { onProgress: () => pieces++ });
  whole = contents(destination);
});

/** Converts in a process of its own that kills itself, with no chance to tidy up, once `after` pieces are written. */
function convertAndDie(source: Checkpoint, destination: string, after: number): void {
  const dist = new URL('../../../dist/', import.meta.url);
  const script = `
    import { writeStore } from '${new URL('src/store/write/writer.js', dist)}';
    import { crc32c } from '${new URL('native-bridge/crc32c.js', dist)}';
    const { source, destination, stored, after } = JSON.parse(process.env.CONVERSION);
    source.tensors = new Map(source.tensors);
    let pieces = 0;
    const onProgress = () => { if (++pieces === after) process.kill(process.pid, 'SIGKILL'); };
    await writeStore(source, destination, { stored, crc32c: (bytes, seed) => crc32c(bytes, seed), onProgress });
  `;
  const conversion = { source: { ...source, tensors: [...source.tensors] }, destination, stored: STORED, after };
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, CONVERSION: JSON.stringify(conversion) },
    encoding: 'utf8',
  });
  expect(signal, stderr).toBe('SIGKILL');
}

/** Aborts once `after` pieces are written. */
async function convertAndAbort(destination: string, after: number, options: Partial<WriteOptions> = {}): Promise<void> {
  const controller = new AbortController();
  let seen = 0;
  const onProgress = () => {
    if (++seen === after) controller.abort();
  };
  const conversion = convert(checkpoint, destination, { ...options, signal: controller.signal, onProgress });
  await expect(conversion).rejects.toSatisfy((error) => error === controller.signal.reason);
}

async function expectResumed(destination: string): Promise<number> {
  let seen = 0;
  await convert(checkpoint, destination, { onProgress: () => seen++ });
  expect(contents(destination)).toEqual(whole);
  expect(existsSync(`${destination}.partial`)).toBe(false);
  return seen;
}

describe('a conversion that was killed', () => {
  // From the first piece to the last, through every layer.
  const points = Array.from({ length: 8 }, (_, i) => i / 7);

  it.each(points)('leaves no store, and one like any other once it is run again (%f of the way)', async (share) => {
    const destination = unused();
    convertAndDie(checkpoint, destination, 1 + Math.floor(share * (pieces - 1)));
    expect(isStore(destination)).toBe(false);
    const error = await failure(() => openStore(destination));
    expect(error.code).toBe('NOT_FOUND');
    expect(error.message).toMatch(/not finished.*resumes/);
    await expectResumed(destination);
  });

  it('may be killed again and again', async () => {
    const destination = unused();
    for (let after = 2; after < 8; after += 2) convertAndDie(checkpoint, destination, after);
    await expectResumed(destination);
  });

  it.each([['journal', 'lock'], ['lock'], []])(
    'may have been at its end, with %j left beside its store',
    async (...left) => {
      const destination = unused();
      await convert(checkpoint, destination);
      const beside = `${destination}.partial`;
      mkdirSync(beside);
      for (const name of left) writeFileSync(join(beside, name), '');
      const error = await failure(() => convert(checkpoint, destination));
      expect(error.details).toMatchObject({ finished: true });
      expect(existsSync(beside)).toBe(false);
      expect(contents(destination)).toEqual(whole);
    },
  );

  it('may have a folder beside its store that holds something else, which stays', async () => {
    const destination = unused();
    await convert(checkpoint, destination);
    const beside = `${destination}.partial`;
    mkdirSync(join(beside, 'store'), { recursive: true });
    await failure(() => convert(checkpoint, destination));
    expect(existsSync(join(beside, 'store'))).toBe(true);
  });

  it('starts over where its source has changed since', async () => {
    const changed = randomCheckpoint(folder, { hiddenSize: 64, intermediateSize: 256, numLayers: LAYERS, seed: 2 });
    const destination = unused();
    convertAndDie(changed, destination, pieces - 2);
    await expectResumed(destination);
  });
});

describe('a conversion that was aborted', () => {
  it('keeps its progress and does only what is left', async () => {
    const destination = unused();
    await convertAndAbort(destination, pieces - 1);
    expect(existsSync(destination)).toBe(false);
    expect(await expectResumed(destination)).toBeLessThan(pieces / 2);
  });

  it('says at the end that all bytes are done, and can still be aborted then', async () => {
    const destination = unused();
    let last = { bytes: 0, totalBytes: 1 };
    const controller = new AbortController();
    const onProgress = (progress: typeof last) => {
      last = progress;
      if (progress.bytes === progress.totalBytes) controller.abort();
    };
    await expect(convert(checkpoint, destination, { onProgress, signal: controller.signal })).rejects.toThrow();
    expect(last.bytes).toBe(last.totalBytes);
    expect(existsSync(destination)).toBe(false);
    await expectResumed(destination);
  });

  it('does nothing when aborted before it began', async () => {
    const destination = unused();
    await expect(convert(checkpoint, destination, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(existsSync(`${destination}.partial`)).toBe(false);
  });

  it('starts over with other options', async () => {
    const destination = unused();
    await convertAndAbort(destination, pieces - 1, { rows: 'q8_0' });
    expect(await expectResumed(destination)).toBe(pieces);
  });

  it('starts over where a file of the source was written again', async () => {
    const destination = unused();
    await convertAndAbort(destination, pieces - 1);
    utimesSync(checkpoint.path, 1000, 1000 + Math.floor(Math.random() * 1e6));
    expect(await expectResumed(destination)).toBe(pieces);
  });

  it('starts over where its files are shorter than its journal says', async () => {
    const destination = unused();
    await convertAndAbort(destination, pieces - 1);
    truncateSync(join(`${destination}.partial`, 'store', 'rows.bin'), 100);
    expect(await expectResumed(destination)).toBe(pieces);
  });

  it.each(['cut short', 'followed by zeros', 'followed by noise', 'damaged', 'empty'])(
    'survives a journal that is %s',
    async (how) => {
      const destination = unused();
      await convertAndAbort(destination, pieces - 1);
      const journal = join(`${destination}.partial`, 'journal');
      const bytes = readFileSync(journal);
      if (how === 'cut short') truncateSync(journal, bytes.length - 3);
      if (how === 'followed by zeros') appendFileSync(journal, Buffer.alloc(64));
      if (how === 'followed by noise') appendFileSync(journal, Buffer.from('noise, and more of it'));
      if (how === 'damaged') bytes[bytes.length >> 1] ^= 4;
      if (how === 'damaged') writeFileSync(journal, bytes);
      if (how === 'empty') truncateSync(journal, 0);
      await expectResumed(destination);
    },
  );
});

describe('the place of a conversion', () => {
  const expectHeld = async (conversion: Promise<unknown>) => {
    const error = await failure(() => conversion);
    expect(error.code).toBe('BUSY');
    expect(error.message).toMatch(/is converting to the same place/);
  };

  it('belongs to one conversion at a time', async () => {
    const destination = unused();
    const first = convert(checkpoint, destination);
    await expectHeld(convert(checkpoint, destination));
    await first;
    expect(contents(destination)).toEqual(whole);
  });

  it('is not taken from a live process', async () => {
    const destination = unused();
    await convertAndAbort(destination, 3);
    const left = contents(`${destination}.partial`);
    writeFileSync(join(`${destination}.partial`, 'lock'), String(process.ppid));
    await expectHeld(convert(checkpoint, destination));
    left.set('lock', String(process.ppid));
    expect(contents(`${destination}.partial`)).toEqual(left);
  });

  it.each(['999999999 1', '', 'nonsense', ...(process.platform === 'linux' ? [`${process.pid} 1`] : [])])(
    'is taken over from a dead process (lock "%s")',
    async (lock) => {
      const destination = unused();
      await convertAndAbort(destination, 3);
      writeFileSync(join(`${destination}.partial`, 'lock'), lock);
      await expectResumed(destination);
      expect(readdirSync(folder).filter((name) => name.includes('partial'))).not.toContain(`${destination}.partial`);
    },
  );
});
