import { mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

const model = sharedPath('models/stories260K/stories260K.gguf');

describe.skipIf(!haveSharedData)(`convert and verify${withoutSharedData}`, () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'flashrow-store-'));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const convert = (name: string, ...options: string[]) =>
    flashrowJson<{ store: string; bytes: number; requantized: { from: string; to: string; relativeError: number }[] }>([
      'convert',
      model,
      join(scratch, name),
      ...options,
    ]);

  test('a store that was just written is intact, and its bytes are those on disk', async () => {
    const { exitCode, json } = await convert('plain');
    const onDisk = readdirSync(join(scratch, 'plain')).reduce(
      (sum, file) => sum + statSync(join(scratch, 'plain', file)).size,
      0,
    );
    expect([exitCode, json.bytes, json.requantized]).toEqual([0, onDisk, []]);
    const verified = await flashrowJson<{ ok: boolean; firstBad: unknown }>(['verify', join(scratch, 'plain')]);
    expect([verified.exitCode, verified.json.ok, verified.json.firstBad]).toEqual([0, true, null]);
  });

  test('a finished store is not written over', async () => {
    await convert('twice');
    const { exitCode, stdout } = await flashrow(['convert', model, join(scratch, 'twice'), '--json']);
    expect(exitCode).not.toBe(0);
    expect(JSON.parse(stdout).error.message).toContain('twice');
  });

  test('what was requantized is listed with its error', async () => {
    const { json } = await convert('halves', '--rows', 'f16');
    expect(json.requantized.length).toBeGreaterThan(0);
    for (const tensor of json.requantized) {
      expect(tensor).toMatchObject({ from: 'f32', to: 'f16' });
      // f16 keeps 11 bits: half a unit in the last place is 2^-12 of a value.
      expect(tensor.relativeError).toBeLessThan(2 ** -11);
    }
  });

  test('one changed byte is damage: exit code 1, an object with --json, and the place in words without', async () => {
    await convert('damaged');
    const rows = openSync(join(scratch, 'damaged', 'rows.bin'), 'r+');
    writeSync(rows, Buffer.from([0x5a, 0xa5]), 0, 2, 1001);
    const damaged = await flashrowJson<{ ok: boolean; firstBad: { file: string; layer: number } }>([
      'verify',
      join(scratch, 'damaged'),
    ]);
    expect([damaged.exitCode, damaged.json.ok]).toEqual([1, false]);
    expect(damaged.json.firstBad).toMatchObject({ file: 'rows.bin', layer: 0 });
    const plain = await flashrow(['verify', join(scratch, 'damaged')]);
    expect([plain.exitCode, plain.stdout]).toEqual([
      1,
      expect.stringMatching(/^damaged: .* of rows\.bin \(layer 0, bundle \d+\)\n$/),
    ]);
  });
});
