import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolder } from '../../dist/src/disk/folders.js';
import { freeBytes } from '../../dist/src/disk/free-bytes.js';

describe('free bytes', () => {
  it('are those of the nearest folder that exists', () => {
    const { blocks, bsize } = statfsSync(tmpdir());
    const free = freeBytes(join(tmpdir(), 'flashrow-none', 'below'));
    expect(free).toBeGreaterThan(0);
    expect(free).toBeLessThanOrEqual(blocks * bsize);
  });

  it.skipIf(!existsSync('/proc/self'))('are no reason to call /proc full: it cannot be written to', () => {
    expect(freeBytes('/proc/nope/file')).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => makeFolder('/proc/nope')).toThrow(expect.objectContaining({ code: 'NOT_WRITABLE' }));
  });
});
