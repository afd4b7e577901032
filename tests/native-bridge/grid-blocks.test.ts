import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as fewBits from '../../dist/native-bridge/few-bit-blocks.js';
import * as grids from '../../dist/native-bridge/grid-blocks.js';

/** What PyPI's gguf decodes (tests/golden/grid_blocks.py). */
const golden = JSON.parse(readFileSync(new URL('../golden/grid-blocks.json', import.meta.url), 'utf8')) as {
  blocks: number;
  formats: Record<string, { first: number[]; weights: number; sha256: string }>;
};

const DECODERS = {
  iq2_xxs: [66, grids.decodeIq2Xxs],
  iq2_xs: [74, grids.decodeIq2Xs],
  iq3_xxs: [98, grids.decodeIq3Xxs],
  iq1_s: [50, grids.decodeIq1S],
  iq3_s: [110, grids.decodeIq3S],
  iq2_s: [82, grids.decodeIq2S],
  iq1_m: [56, grids.decodeIq1M],
  tq1_0: [54, fewBits.decodeTq10],
  tq2_0: [66, fewBits.decodeTq20],
  nvfp4: [36, fewBits.decodeNvfp4],
  q1_0: [18, fewBits.decodeQ10],
  q2_0: [18, fewBits.decodeQ20],
} as const;

describe.each(Object.entries(DECODERS))('%s', (name, [blockBytes, decode]) => {
  it('is widened bit for bit as the reference does', () => {
    const { first, weights, sha256 } = golden.formats[name];
    const bytes = randomBlocks(name, blockBytes);
    const into = new Float32Array(weights);
    for (let b = 0; b < golden.blocks; b++) decode(bytes, b * blockBytes, into, (b * weights) / golden.blocks);
    expect([...into.slice(0, first.length)]).toEqual(first);
    expect(createHash('sha256').update(new Uint8Array(into.buffer)).digest('hex')).toBe(sha256);
  });
});

/** The bits that the script decoded. */
function randomBlocks(name: string, blockBytes: number): Uint8Array {
  const bytes = new Uint8Array(golden.blocks * blockBytes);
  let state = 1;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  const high = { nvfp4: -1, tq1_0: 53, tq2_0: 65, iq1_m: 55 }[name] ?? 1;
  if (high >= 0) for (let at = high; at < bytes.length; at += blockBytes) bytes[at] = (bytes[at] & 0x9f) | 0x20;
  return bytes;
}
