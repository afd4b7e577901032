import type { Isa } from '../../native-bridge/bridge.js';
import { FORMATS, type RowFormat } from '../../native-bridge/formats.js';
import { availableIsas, openBridge } from '../../native-bridge/index.js';
import type { Row } from '../table.js';
import type { Group, Workshop } from './group.js';
import { type Kernel, prepare } from './kernels.js';

const BASE: RowFormat = 'q4_K';
/** Turns of both formats, by the number of tokens. */
const TURNS = new Map([
  [1, 60],
  [2, 40],
  [4, 30],
  [8, 20],
  [16, 12],
  [64, 6],
]);

/** Formats beside q4_K. What runs by turns meets the same machine, also a busy one. */
export const formats: Group = {
  title: 'formats',
  note: `A resident 4096 x 4096 matrix of each format beside one of ${BASE}, by turns; the fastest of ${Math.max(...TURNS.values())} turns (fewer of many tokens).`,
  async measure(workshop) {
    const rows: Row[] = [];
    const isas = availableIsas().filter((isa) => isa !== 'ts');
    for (const format of Object.keys(FORMATS) as RowFormat[]) {
      if (format === BASE) continue;
      for (const isa of isas) {
        if (workshop.wanted(`${format} ${isa}`)) rows.push(...compare(workshop, isa, format));
      }
    }
    return rows;
  },
};

function compare(workshop: Workshop, isa: Isa, format: RowFormat): Row[] {
  const bridge = openBridge({ isa, threads: workshop.threads });
  const kernels: Kernel[] = [];
  try {
    for (const one of [BASE, format]) kernels.push(prepare(workshop, 'matrix', one)(bridge));
    const best = new Map([...TURNS.keys()].map((tokens) => [tokens, [Infinity, Infinity]]));
    for (let turn = 0; turn < Math.max(...TURNS.values()); turn++) {
      for (const [tokens, ms] of best) {
        if (turn >= TURNS.get(tokens)!) continue;
        for (const [i, kernel] of kernels.entries()) {
          const start = performance.now();
          kernel.run(tokens);
          ms[i] = Math.min(ms[i], performance.now() - start);
        }
      }
    }
    return [...best].map(([tokens, ms]) => {
      const speeds = kernels.map(({ bytes }, i) => bytes / ms[i] / 1e6);
      return {
        format,
        isa,
        tokens,
        ms: ms[1],
        'times one token': ms[1] / best.get(1)![1],
        [`${BASE} ms`]: ms[0],
        [`${BASE} times one token`]: ms[0] / best.get(1)![0],
        'GB/s': speeds[1],
        [`${BASE} GB/s`]: speeds[0],
        'GB/s ratio': speeds[1] / speeds[0],
        'weights/s ratio': ms[0] / ms[1],
      };
    });
  } finally {
    for (const kernel of kernels) kernel.dispose();
    bridge.dispose();
  }
}
