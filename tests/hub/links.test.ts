import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { listCached, removeCached } from '../../dist/src/hub/cached-models.js';
import { resolveSource } from '../../dist/src/hub/resolve-source.js';
import { TALES } from '../support/shipped.js';

/* Large files are moved to another disk, and linked back. What is right follows from what lies where. */

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-links-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const original = join(scratch, 'original.gguf');
writeRandomGguf(original, SHAPES.tiny, 'q8_0');
const { size } = statSync(original);
let cache: string;
let otherDisk: string;
beforeEach(() => {
  cache = mkdtempSync(join(scratch, 'cache-'));
  otherDisk = mkdtempSync(join(scratch, 'disk-'));
});

/** Moves something out of the cache folder, and links it back. */
function moveAway(...parts: string[]): string {
  const moved = join(otherDisk, parts.at(-1)!);
  const place = join(cache, ...parts);
  renameSync(place, moved);
  symlinkSync(moved, place);
  return moved;
}

function pulled(): string {
  const path = join(cache, 'models', 'org', 'repo', 'x-Q8_0.gguf');
  mkdirSync(dirname(path), { recursive: true });
  cpSync(original, path);
  return path;
}

describe('a link in the cache folder', () => {
  it.each([
    ['file', ['models', 'org', 'repo', 'x-Q8_0.gguf']],
    ['repository', ['models', 'org', 'repo']],
  ])('to the %s of a pulled model is listed, found and removed, and frees nothing', (_, parts) => {
    const path = pulled();
    const moved = moveAway(...parts);
    expect(listCached(cache)).toMatchObject([
      { kind: 'pulled', name: expect.stringMatching(/^org\/repo/), bytes: size },
    ]);
    expect(resolveSource('org/repo', cache)).toBe(path);
    const removed = removeCached('org/repo', cache);
    expect(removed.bytes).toBe(0);
    expect(removed.removed).toHaveLength(1);
    expect(removed.left).toEqual([moved]);
    expect(existsSync(moved)).toBe(true);
    expect(listCached(cache)).toEqual([]);
  });

  it('to the organization stays for its other models: what is removed behind it frees its bytes', () => {
    pulled();
    const moved = moveAway('models', 'org');
    expect(listCached(cache)).toMatchObject([{ kind: 'pulled', bytes: size }]);
    expect(removeCached('org/repo', cache)).toMatchObject({ bytes: size, left: [] });
    expect(readdirSync(moved)).toEqual([]);
  });

  it('to a store is listed, found and removed', () => {
    const name = 'tales-0123456789abcdef';
    cpSync(TALES, join(cache, name), { recursive: true });
    const moved = moveAway(name);
    expect(listCached(cache)).toMatchObject([{ kind: 'store', name }]);
    expect(resolveSource(name, cache)).toBe(join(cache, name));
    expect(removeCached(name, cache)).toMatchObject({ bytes: 0, left: [moved] });
    expect(existsSync(join(moved, 'manifest.msgpack'))).toBe(true);
    expect(listCached(cache)).toEqual([]);
  });

  it('that leads nowhere, or back to itself, is left out', () => {
    pulled();
    const folder = join(cache, 'models', 'org', 'repo');
    symlinkSync(join(scratch, 'gone.gguf'), join(folder, 'gone-Q4_0.gguf'));
    symlinkSync(folder, join(folder, 'again'));
    expect(listCached(cache)).toMatchObject([{ bytes: size }]);
    expect(removeCached('org/repo', cache)).toMatchObject({ bytes: size, left: [] });
    expect(existsSync(folder)).toBe(false);
  });

  it('to a store that is not there any more is listed, and its removal leaves no link', () => {
    const name = 'tales-0123456789abcdef';
    const path = join(cache, name);
    symlinkSync(join(scratch, 'gone'), path);
    expect(listCached(cache)).toMatchObject([{ kind: 'unfinished', name, path, bytes: 0 }]);
    expect(removeCached(name, cache)).toMatchObject({ bytes: 0, left: [], paths: [path] });
    expect(lstatSync(path, { throwIfNoEntry: false })).toBe(undefined);
  });

  it('to itself is no model, and hides no other', () => {
    pulled();
    for (const place of ['loop', 'models/loop', 'models/org/loop', 'models/org/repo/loop-Q4_0.gguf'])
      symlinkSync('loop', join(cache, place));
    symlinkSync('loop-0123456789abcdef', join(cache, 'loop-0123456789abcdef'));
    symlinkSync('loop-Q4_0.gguf', join(cache, 'models', 'org', 'repo', 'loop'));
    expect(listCached(cache)).toMatchObject([{ kind: 'pulled', bytes: size }, { name: 'loop-0123456789abcdef' }]);
    expect(removeCached('loop-0123456789abcdef', cache).removed).toHaveLength(1);
    expect(removeCached('org/repo', cache)).toMatchObject({ bytes: size, left: [] });
  });

  it('which is none frees its bytes', () => {
    pulled();
    expect(removeCached('org/repo', cache)).toMatchObject({ bytes: size, left: [] });
  });
});
