import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { openBridge } from '../../native-bridge/index.js';
import { selectAll } from '../../src/select/all.js';
import { selectByGate } from '../../src/select/gate.js';
import { selectByLowRank } from '../../src/select/low-rank.js';
import type { Selector } from '../../src/select/selector.js';
import { selectBySign } from '../../src/select/sign.js';
import { SignBits } from '../../src/select/sign-bits.js';
import { RandomWeights } from '../model/random-weights.js';
import type { Row } from '../table.js';
import { type Group, medianMs } from './group.js';

const HIDDEN = 4096;
const NEURONS = 11008;
const LAYERS = 4;
const TOKENS = [1, 64];
const RANK = 256;
const FORMATS = ['q4_1', 'q8_0', 'f16'] as const;

export const selectors: Group = {
  title: 'selectors',
  note: `Which of a layer's ${NEURONS} neurons (${HIDDEN} wide) a token needs; the gate's matrices are those of ${LAYERS} layers in turn.`,
  async measure({ folder, threads, wanted }) {
    const rows: Row[] = [];
    if (wanted('all')) rows.push(...(await measure('all', '', selectAll(Array(LAYERS).fill(NEURONS)), 0)));
    const bridge = openBridge({ threads });
    const path = join(folder, 'gate.bin');
    try {
      for (const format of FORMATS) {
        if (!wanted(`gate ${format}`)) continue;
        const rowStride = rowBytes(format, HIDDEN);
        const file = openSync(path, 'w');
        writeSync(file, new RandomWeights(1).next(format, HIDDEN, NEURONS * rowStride));
        closeSync(file);
        const source = { path, offset: 0, rowStride, rows: NEURONS, columns: HIDDEN, format };
        const selector = selectByGate({
          matrices: Array.from({ length: LAYERS }, () => bridge.loadMatrix(source)),
          biases: Array(LAYERS).fill(null),
          neuronsPerUnit: Array(LAYERS).fill(1),
          maxTokens: Math.max(...TOKENS),
        });
        try {
          rows.push(...(await measure('gate', format, selector, NEURONS * rowStride)));
        } finally {
          selector.dispose();
        }
      }
      if (wanted('low-rank')) rows.push(...(await measureLowRank(bridge, folder)));
      if (wanted('sign')) rows.push(...(await measureSign(bridge, folder)));
    } finally {
      bridge.dispose();
    }
    return rows;
  },
};

/** A predictor as `calibrate` writes it: both matrices in q4_0. */
async function measureLowRank(bridge: Bridge, folder: string): Promise<Row[]> {
  const format = 'q4_0';
  const inner = randomMatrix(bridge, join(folder, 'inner.bin'), format, RANK, HIDDEN);
  const outer = randomMatrix(bridge, join(folder, 'outer.bin'), format, NEURONS, RANK);
  const layer = { bias: new Float32Array(NEURONS), threshold: 1, neuronsPerUnit: 1 };
  const layers = Array.from({ length: LAYERS }, () => ({ ...layer, inner: inner(), outer: outer() }));
  const selector = selectByLowRank({ layers, maxTokens: Math.max(...TOKENS) });
  try {
    const bytes = layers[0].inner.bytes + layers[0].outer.bytes;
    return await measure(`low-rank ${RANK}`, format, selector, bytes);
  } finally {
    selector.dispose();
  }
}

async function measureSign(bridge: Bridge, folder: string): Promise<Row[]> {
  const gate = randomMatrix(bridge, join(folder, 'signs.bin'), 'q4_0', NEURONS, HIDDEN);
  const maxTokens = Math.max(...TOKENS);
  const layers = Array.from({ length: LAYERS }, () => {
    const matrix = gate();
    const signs = new SignBits(bridge, matrix, maxTokens);
    matrix.dispose();
    return { signs, threshold: 0.52 * HIDDEN, neuronsPerUnit: 1 };
  });
  const selector = selectBySign({ layers, maxTokens });
  return measure('sign', 'bits', selector, (NEURONS * HIDDEN) / 8);
}

function randomMatrix(
  bridge: Bridge,
  path: string,
  format: 'q4_0',
  rows: number,
  columns: number,
): () => ResidentMatrix {
  const rowStride = rowBytes(format, columns);
  const file = openSync(path, 'w');
  writeSync(file, new RandomWeights(2).next(format, columns, rows * rowStride));
  closeSync(file);
  return () => bridge.loadMatrix({ path, offset: 0, rowStride, rows, columns, format });
}

async function measure(name: string, format: string, selector: Selector, bytes: number): Promise<Row[]> {
  const rows: Row[] = [];
  const x = Float32Array.from({ length: Math.max(...TOKENS) * HIDDEN }, (_, i) => ((i * 37) % 101) / 101 - 0.5);
  const units = new Uint32Array(NEURONS);
  let layer = 0;
  for (const tokens of TOKENS) {
    const ms = await medianMs(() => selector.select(layer++ % LAYERS, x, tokens, units));
    rows.push({ selector: name, format, tokens, 'us per layer': 1e3 * ms, 'GB/s': bytes ? bytes / ms / 1e6 : null });
  }
  return rows;
}
