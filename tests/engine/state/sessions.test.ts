import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../../dist/native-bridge/crc32c.js';
import { Sessions } from '../../../dist/src/engine/state/sessions.js';
import { saveState } from '../../../dist/src/engine/state/state-file.js';

let folder: string;
const warnings: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-sessions-'));
  warnings.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const OWNER = { model: 'ab12', stateFormat: 'f16', contextSize: 1000, mostBytes: 1e6, crc32c };
const open = (mostBytes = 1e6, owner = OWNER) =>
  new Sessions({ folder, mostBytes, warn: (message) => warnings.push(message) }, owner);
const ids = (count: number, first: number) => Array.from({ length: count }, (_, i) => first + i);
/** A state is a number for each token. */
const stateOf = (tokens: readonly number[]) => Uint8Array.from(tokens, (id) => id % 251);
const keep = (sessions: Sessions, tokens: readonly number[]) =>
  sessions.keep(tokens, (write) => write(stateOf(tokens)));
const restored = (sessions: Sessions, prompt: readonly number[], least = 0) => {
  let found: number[] | null = null;
  const isFound = sessions.restore(prompt, least, (tokens, read, check) => {
    const state = new Uint8Array(tokens.length);
    read(state);
    check();
    expect(state).toEqual(stateOf(tokens));
    found = [...tokens];
  });
  expect(isFound).toBe(found !== null);
  return found;
};
const files = () => readdirSync(folder).sort();
/** Has a file look as if it had been used so many seconds ago. */
const age = (name: string, seconds: number) => {
  const at = new Date(Date.now() - seconds * 1000);
  utimesSync(join(folder, name), at, at);
};

describe('kept conversations', () => {
  it('are found by the prompt that shares most with them, also after the next start', () => {
    const sessions = open();
    const [one, other] = [ids(100, 0), [...ids(60, 0), ...ids(80, 500)]];
    keep(sessions, one);
    keep(sessions, other);
    for (const at of [sessions, open()]) {
      expect(restored(at, [...one, 7, 8])).toEqual(one);
      expect(restored(at, [...other.slice(0, 90), 3])).toEqual(other);
      // Where memory holds as much there is nothing to read.
      expect(restored(at, [...one, 7, 8], 90)).toBeNull();
      expect(restored(at, ids(200, 3000))).toBeNull();
    }
    expect(warnings).toEqual([]);
  });

  it('take the place of what they go on from, and are for the owner alone', () => {
    const sessions = open();
    keep(sessions, ids(50, 0));
    keep(sessions, ids(90, 0));
    keep(sessions, ids(90, 0));
    expect(files()).toHaveLength(1);
    expect(restored(sessions, ids(95, 0))).toEqual(ids(90, 0));
    expect(statSync(join(folder, files()[0])).mode & 0o777).toBe(0o600);
    // Too short to be worth a file.
    keep(sessions, ids(20, 7000));
    expect(files()).toHaveLength(1);
  });

  it('make room for newer ones, those used longest ago first', () => {
    const sessions = open(3000);
    const all = [0, 1000, 2000].map((first) => ids(150, first));
    keep(sessions, all[0]);
    const [first] = files();
    keep(sessions, all[1]);
    age(first, 100);
    age(files().find((name) => name !== first)!, 200);
    expect(restored(sessions, [...all[0], 1])).toEqual(all[0]);
    keep(sessions, all[2]);
    expect([restored(sessions, [...all[1], 1]), restored(sessions, [...all[2], 1])]).toEqual([null, all[2]]);
    expect(restored(sessions, [...all[0], 1])).toEqual(all[0]);
    const total = files().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(total).toBeLessThanOrEqual(3000);
    keep(sessions, ids(900, 9000));
    expect(warnings).toEqual([expect.stringContaining('`sessionsSize`')]);
    expect(files()).toHaveLength(2);
  });

  it('that are damaged are removed with a warning, and the next best is taken', () => {
    const sessions = open();
    const [shorter, longer] = [[...ids(80, 0), 9999], ids(120, 0)];
    keep(sessions, shorter);
    const [name] = files();
    keep(sessions, longer);
    const path = join(folder, files().find((file) => file !== name)!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 20] ^= 1;
    writeFileSync(path, bytes);
    expect(restored(sessions, [...longer, 1])).toEqual(shorter);
    expect(warnings).toEqual([expect.stringMatching(/checksum.*removed|removed.*checksum/s)]);
    expect(files()).toEqual([name]);
  });

  it('that are no states, of another model, kept otherwise or too long are left out', () => {
    keep(open(), ids(100, 0));
    const [name] = files();
    for (const change of [{ model: 'cd34' }, { stateFormat: 'q8' }, { contextSize: 99 }])
      expect(restored(open(1e6, { ...OWNER, ...change }), ids(120, 0))).toBeNull();
    expect([files(), warnings]).toEqual([[name], []]);
    writeFileSync(join(folder, 'no.state'), 'no state');
    writeFileSync(join(folder, 'note.txt'), 'a note');
    writeFileSync(join(folder, 'old.state.77.partial'), 'half');
    age('old.state.77.partial', 7200);
    expect(restored(open(), ids(120, 0))).toEqual(ids(100, 0));
    expect(files()).toEqual([name, 'note.txt'].sort());
    expect(warnings).toHaveLength(1);
  });

  it('that another process has removed are made again', () => {
    const sessions = open();
    keep(sessions, ids(100, 0));
    rmSync(join(folder, files()[0]));
    expect(restored(sessions, ids(120, 0))).toBeNull();
    keep(sessions, ids(100, 0));
    expect([files().length, warnings]).toEqual([1, []]);
  });

  it('that cannot be written are a warning', () => {
    const sessions = open();
    rmSync(folder, { recursive: true });
    keep(sessions, ids(100, 0));
    expect(warnings).toEqual([expect.stringContaining('not kept')]);
  });

  it.skipIf(process.getuid?.() === 0)('need a folder that can be written', () => {
    chmodSync(folder, 0o500);
    expect(() => new Sessions({ folder: join(folder, 'in'), mostBytes: 1, warn: () => {} }, OWNER)).toThrow(
      expect.objectContaining({ code: 'NOT_WRITABLE' }),
    );
    chmodSync(folder, 0o700);
  });

  it('need a folder, not a file', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => new Sessions({ folder: join(folder, 'file'), mostBytes: 1, warn: () => {} }, OWNER)).toThrow(
      expect.objectContaining({ code: 'NOT_WRITABLE' }),
    );
  });
});

it.skipIf(process.platform !== 'linux')('a folder that cannot be made is told, and not waited for', () => {
  const settings = { folder: '/proc/x/y', mostBytes: 1e6, warn: () => {} };
  expect(() => new Sessions(settings, OWNER)).toThrowError(expect.objectContaining({ code: 'NOT_WRITABLE' }));
});

it('a file of something else is never written over by a state', () => {
  const path = join(folder, 'mine.md');
  writeFileSync(path, 'a text that somebody wrote, longer than the mark of a state');
  const held = { ids: [1, 2], save: (write: (bytes: Uint8Array) => void) => write(stateOf([1, 2])) };
  expect(() => saveState(path, held, OWNER)).toThrowError(expect.objectContaining({ code: 'NOT_WRITABLE' }));
  expect(readFileSync(path, 'utf8')).toMatch(/^a text that somebody wrote/);
  const own = join(folder, 'own.state');
  saveState(own, held, OWNER);
  expect(saveState(own, held, OWNER).tokens).toBe(2);
});
