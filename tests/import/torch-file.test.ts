import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeFile, openFile } from '../../dist/src/disk/files.js';
import { readTorchFile } from '../../dist/src/import/torch/torch-file.js';

/** By Python's own pickle, as torch.save uses it: tests/golden/delta.py. */
const golden: {
  views: { file: string; bytes: string };
  hostile: Record<string, string>;
} = JSON.parse(readFileSync(new URL('../golden/delta.json', import.meta.url), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'flashrow-torch-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(bytes: Uint8Array) {
  const path = join(folder, 'pytorch_model.bin');
  writeFileSync(path, bytes);
  const file = openFile(path);
  try {
    return await readTorchFile(file);
  } finally {
    closeFile(file);
  }
}

describe('a file of PyTorch', () => {
  it('gives its tensors, parts of a storage and parameters too', async () => {
    const bytes = Buffer.from(golden.views.file, 'base64');
    const tensors = await read(bytes);
    expect(tensors.map(({ sourceName, shape, format }) => ({ sourceName, shape, format }))).toEqual([
      { sourceName: 'first', shape: [2, 3], format: 'f16' },
      { sourceName: 'second', shape: [1, 6], format: 'f16' },
      { sourceName: 'parameter', shape: [12], format: 'f16' },
    ]);
    const hex = tensors.map(({ offset, bytes: length }) => bytes.subarray(offset, offset + length).toString('hex'));
    const whole = golden.views.bytes;
    expect(hex).toEqual([whole.slice(0, 24), whole.slice(24), whole]);
  });

  it.each(Object.entries(golden.hostile).filter(([name]) => name !== 'LongStorage'))(
    'is refused by name: %s',
    async (message, file) => {
      await expect(read(Buffer.from(file, 'base64'))).rejects.toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/UNSUPPORTED|CORRUPT/),
          message: expect.stringContaining(message),
        }),
      );
    },
  );

  it('keeps a type that is not read, to be told of by whom it concerns', async () => {
    const [tensor] = await read(Buffer.from(golden.hostile.LongStorage, 'base64'));
    expect(tensor).toMatchObject({ type: 'LongStorage', format: null, bytes: 24 });
  });

  it('is refused wherever it is cut or damaged, and never read outside of itself', async () => {
    const sound = Buffer.from(golden.views.file, 'base64');
    for (let end = 0; end < sound.length; end += 7)
      await expect(read(sound.subarray(0, end))).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/UNSUPPORTED|CORRUPT/) }),
      );
    for (let at = 0; at < sound.length; at++) {
      const damaged = Buffer.from(sound);
      damaged[at] ^= 1 + ((at * 37) % 255);
      await read(damaged).then(
        (tensors) => {
          for (const { offset, bytes } of tensors) expect(offset + bytes).toBeLessThanOrEqual(sound.length);
        },
        (error) => expect(['UNSUPPORTED', 'CORRUPT']).toContain(error.code),
      );
    }
  });
});
