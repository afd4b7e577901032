import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { verifyStore } from '../../dist/src/index.js';
import { isStore } from '../../dist/src/store/reader.js';
import { contents } from '../store/support.js';
import { flashrow, start } from '../support/flashrow.js';

/** `npm run test:fuzz` kills fifty times; fewer where fewer mutations are asked for as well. */
const KILLS = Math.min(50, Math.ceil(Number(process.env.FLASHROW_FUZZ) / 50));

const folder = mkdtempSync(join(tmpdir(), 'flashrow-kill-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a conversion that is killed, whenever that is', { timeout: 600_000 }, () => {
  it(`leaves no store or a whole one, and comes to the same bytes (${KILLS} times)`, async () => {
    const source = join(folder, 'model.gguf');
    writeRandomGguf(source, { ...SHAPES.tiny, hiddenSize: 512, intermediateSize: 2048, numLayers: 8 }, 'q8_0');
    const whole = join(folder, 'whole');
    const began = performance.now();
    expect((await flashrow(['convert', source, whole])).exitCode).toBe(0);
    const takesMs = performance.now() - began;
    const expected = contents(whole);

    let finished = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const store = join(folder, `store-${finished}`);
      const { child, outcome } = start(['convert', source, store]);
      await setTimeout(Math.random() * takesMs);
      child.kill('SIGKILL');
      await outcome;
      if (isStore(store)) {
        expect((await verifyStore(store)).ok).toBe(true);
        // A kill after the store was moved leaves its work folder. Who converts again is told, and the folder goes.
        if (existsSync(`${store}.partial`)) expect((await flashrow(['convert', source, store])).exitCode).not.toBe(0);
      }
      // Now and then what several kills left is taken up at once.
      if (kill % 3 === 2 && !isStore(store)) continue;
      if (!isStore(store)) expect((await flashrow(['convert', source, store])).exitCode).toBe(0);
      expect(contents(store)).toEqual(expected);
      expect(existsSync(`${store}.partial`)).toBe(false);
      rmSync(store, { recursive: true });
      finished++;
    }
  });
});
