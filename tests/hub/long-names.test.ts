import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cutName } from '../../dist/src/disk/cut-name.js';
import { partPath } from '../../dist/src/hub/download.js';
import { whileLocked } from '../../dist/src/hub/pull-lock.js';
import { storeStem } from '../../dist/src/store/source.js';

/* A name has 255 bytes at most on the usual file systems of Linux, macOS and Windows (NAME_MAX). */

const folder = mkdtempSync(join(tmpdir(), 'flashrow-names-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = { path: '', bytes: 1, digest: { algorithm: 'sha256', hex: '0123456789abcdef' } } as const;

describe('a name that is too long', () => {
  it.each([
    ['a'.repeat(10), 4, 'aaaa'],
    ['語語語', 8, '語語'],
    ['語語語', 9, '語語語'],
    // A family of three joined persons is one character of 18 bytes.
    ['x👨‍👩‍👦', 18, 'x'],
    ['x👨‍👩‍👦', 19, 'x👨‍👩‍👦'],
  ])('is cut between characters: %s to %i bytes', (name, bytes, expected) => {
    expect(cutName(name, bytes)).toBe(expected);
  });

  it.each(['m'.repeat(250), '語'.repeat(83)])('leaves room for what is added: %s', async (stem) => {
    const name = `${stem}.gguf`;
    const part = basename(partPath(join(folder, name), file));
    writeFileSync(join(folder, part), '');
    expect(part.endsWith('.0123456789ab.part')).toBe(true);
    const locked = await whileLocked(folder, 'organization/repository', name, async () =>
      readdirSync(join(folder, 'models', 'organization')),
    );
    expect(locked).toHaveLength(1);
    writeFileSync(join(folder, `${storeStem(join(folder, name))}-0123456789abcdef.partial`), '');
  });

  it('stays what it is where it is short', () => {
    expect(partPath(join(folder, 'm.gguf'), file)).toBe(join(folder, 'm.gguf.0123456789ab.part'));
    expect(dirname(partPath(join(folder, 'm.gguf'), file))).toBe(folder);
    expect(storeStem('/models/Some-Model.Q4_K_M.gguf')).toBe('Some-Model.Q4_K_M');
  });
});
