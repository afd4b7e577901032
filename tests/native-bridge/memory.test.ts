import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../dist/native-bridge/addon/load.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  bridgeScratchBytes,
  DEVICE_BLOCK,
  INTEGER_BLOCK,
  keyValueBytes,
  MOST_ACTIVATIONS,
  PAGE_POSITIONS,
  TILE_QUERIES,
} from '../../dist/native-bridge/memory.js';
import { ISAS } from './support.js';

const loaded = loadAddon();

describe("the numbers of the bridge's memory", () => {
  it.skipIf('reason' in loaded)('are those that the addon was compiled with', () => {
    if ('reason' in loaded) throw new Error(loaded.reason);
    expect(loaded.addon.memory).toEqual({
      deviceBlock: DEVICE_BLOCK,
      pagePositions: PAGE_POSITIONS,
      tileQueries: TILE_QUERIES,
      mostActivations: MOST_ACTIVATIONS,
      integerBlockValues: INTEGER_BLOCK.values,
      integerBlockBytes: INTEGER_BLOCK.bytes,
    });
  });

  it.each(ISAS)('say what keys and values take on %s', (isa) => {
    const bridge = openBridge({ isa, threads: 1 });
    const shape = { numLayers: 3, numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 24 };
    for (const format of ['i8', 'i16', 'f32'] as const) {
      for (const contextSize of [1, 64, 65, 200]) {
        const cache = bridge.createKeyValueCache({ ...shape, contextSize, format });
        const vectors = new Float32Array(contextSize * 2 * 24);
        for (let layer = 0; layer < 3; layer++) cache.append(layer, 0, contextSize, vectors, vectors);
        expect(cache.bytes).toBe(keyValueBytes({ ...shape, contextSize, format }));
        cache.dispose();
      }
    }
    bridge.dispose();
  });

  it('say what working buffers take', () => {
    const shape = {
      threads: 2,
      tokens: 16,
      hiddenSize: 64,
      numNeurons: 256,
      expertNeurons: null,
      keepsHidden: false,
      contextSize: 100,
      numAttentionHeads: 4,
      numKeyValueHeads: 2,
      headDim: 16,
    };
    // x of the network and of a matrix and h as integers, 10 bytes for 4; gate and h as floats; two threads' tiles of
    // 32 queries.
    const attention = 4 * 2 * 32 * (100 + 1 + 32);
    expect(bridgeScratchBytes(shape)).toBe((16 * (64 + 64 + 256) * 10) / 4 + 4 * 2 * 16 * 256 + attention);
    // A tile holds all queries of a key-value head for one token, here 40 of them.
    expect(bridgeScratchBytes({ ...shape, numAttentionHeads: 80 }) - bridgeScratchBytes(shape)).toBe(attention / 4);
    // Half a million values of h are kept, however many a call has.
    const large = { ...shape, tokens: 512 };
    expect(bridgeScratchBytes({ ...large, numNeurons: 9000 })).toBe(bridgeScratchBytes({ ...large, numNeurons: 1024 }));
    // Where down lies apart, all of h is kept: 2.5 bytes as integers, 8 as floats, with the gate.
    const apart = { ...large, keepsHidden: true };
    expect(
      bridgeScratchBytes({ ...apart, numNeurons: 9000 }) - bridgeScratchBytes({ ...apart, numNeurons: 1000 }),
    ).toBe(512 * 8000 * (2.5 + 8));
    // With experts: gathered rows of x and y, and the h of one expert alone becomes integers.
    expect(bridgeScratchBytes({ ...shape, expertNeurons: 32 }) - bridgeScratchBytes(shape)).toBe(
      4 * 2 * 16 * 64 - (16 * (256 - 32) * 10) / 4,
    );
  });
});
