import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBridge } from '../../native-bridge/index.js';
import { int, OnnxGraph } from '../onnx/graph.js';
import { OnnxSession } from '../onnx/session.js';
import type { Row } from '../table.js';
import { type Group, medianMs } from './group.js';

const WIDTHS = [16, 1024, 2048, 4096];
const TOKENS = [1, 2, 4, 8, 16, 64];
/** The two are timed in turn, so that other work on the machine falls on both. */
const ROUNDS = 3;
/** Matrices that are multiplied by in turn, so that a large one comes from memory. */
const COPIES = 4;
const FILE = 'gemm.bin';

export const onnxCall: Group = {
  title: 'onnx call',
  note: 'An f32 matrix times tokens: one run of a session of ONNX Runtime that holds one Gemm, with its buffers bound, beside one product of the bridge. At width 16 this is the price of the call itself.',
  async measure({ folder, threads, wanted }) {
    const rows: Row[] = [];
    for (const width of WIDTHS) {
      for (const tokens of TOKENS) {
        if (wanted(`gemm ${width} x${tokens}`)) rows.push(await measure(folder, threads, width, tokens));
      }
    }
    return rows;
  },
};

async function measure(folder: string, threads: number, width: number, tokens: number): Promise<Row> {
  const path = join(folder, FILE);
  writeFileSync(path, new Uint8Array(new Float32Array(width * width).fill(0.5).buffer));
  const x = new Float32Array(tokens * width).fill(1);
  const y = new Float32Array(tokens * width);
  const bridge = openBridge({ threads });
  const source = { path, offset: 0, rowStride: 4 * width, rows: width, columns: width, format: 'f32' as const };
  const matrices = Array.from({ length: COPIES }, () => bridge.loadMatrix(source));
  const sessions: OnnxSession[] = [];
  try {
    for (let i = 0; i < COPIES; i++) sessions.push(await OnnxSession.load(gemm(width), folder, threads));
    for (const session of sessions) {
      session.feed('x', x, tokens);
      session.fetch('y', y, tokens);
    }
    let turn = 0;
    let [onnx, own] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < ROUNDS; round++) {
      onnx = Math.min(onnx, await medianMs(() => sessions[turn++ % COPIES].run()));
      own = Math.min(own, await medianMs(() => matrices[turn++ % COPIES].matmul(x, tokens, y)));
    }
    const figures = { 'onnx us': 1e3 * onnx, 'bridge us': 1e3 * own, 'speed of the bridge': onnx / own };
    return { matrix: `${width} x ${width}`, tokens, ...figures };
  } finally {
    for (const session of sessions) await session.release();
    for (const matrix of matrices) matrix.dispose();
    bridge.dispose();
  }
}

function gemm(width: number): OnnxGraph {
  const graph = new OnnxGraph(`gemm_${width}`);
  graph.input('x', width);
  const weights = graph.initializer('w', [width, width], { file: FILE, offset: 0, bytes: 4 * width * width });
  graph.node('Gemm', 'gemm', ['x', weights], ['y'], [int('transB', 1)]);
  graph.output('y', width);
  return graph;
}
