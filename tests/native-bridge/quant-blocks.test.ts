import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dequantize } from '../../dist/native-bridge/blocks.js';
import { FORMATS, type RowFormat } from '../../dist/native-bridge/formats.js';

/** What PyPI's gguf decodes (tests/golden/quant_blocks.py). */
const golden = JSON.parse(readFileSync(new URL('../golden/quant-blocks.json', import.meta.url), 'utf8')) as {
  blocks: number;
  formats: Record<RowFormat, { halves: number[]; first: number[]; sha256: string }>;
};

it.each(Object.keys(golden.formats) as RowFormat[])('%s is widened bit for bit as the reference does', (format) => {
  const { halves, first, sha256 } = golden.formats[format];
  const { blockSize, blockBytes } = FORMATS[format];
  const bytes = randomBytes(golden.blocks * blockBytes);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    for (const half of halves) bytes[at + half + 1] = (bytes[at + half + 1] & 0x9f) | 0x20;
  }
  const into = new Float32Array(golden.blocks * blockSize);
  dequantize(format, bytes, 0, into.length, into, 0);
  for (const [i, value] of into.entries()) if (Number.isNaN(value)) into[i] = 0;
  expect([...into.slice(0, first.length)]).toEqual(first);
  expect(createHash('sha256').update(new Uint8Array(into.buffer)).digest('hex')).toBe(sha256);
});

/** The bits that the script decoded. */
function randomBytes(count: number): Uint8Array {
  let state = 1;
  return new Uint8Array(count).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
