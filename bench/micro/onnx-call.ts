import { int, OnnxGraph } from '../../src/dense/onnx-graph.js';
import { OnnxSession } from '../../src/dense/onnx-session.js';
import type { Row } from '../table.js';
import { type Group, medianMs } from './group.js';

const WIDTHS = [16, 1024];

export const onnxCall: Group = {
  title: 'onnx call',
  note: 'One run of a session that holds one f32 Gemm, with its buffers bound. At width 16 this is the price of the call itself.',
  async measure({ folder, threads, wanted }) {
    const rows: Row[] = [];
    for (const width of WIDTHS) {
      if (!wanted(`gemm ${width}`)) continue;
      const session = await OnnxSession.load(gemm(width), folder, threads);
      try {
        session.feed('x', new Float32Array(width).fill(1), 1);
        session.fetch('y', new Float32Array(width), 1);
        rows.push({ session: `Gemm ${width} x ${width}`, 'us per call': 1e3 * (await medianMs(() => session.run())) });
      } finally {
        await session.release();
      }
    }
    return rows;
  },
};

function gemm(width: number): OnnxGraph {
  const graph = new OnnxGraph(`gemm_${width}`);
  graph.input('x', width);
  const weights = graph.initializer(
    'w',
    [width, width],
    new Uint8Array(new Float32Array(width * width).fill(0.5).buffer),
  );
  graph.node('Gemm', 'gemm', ['x', weights], ['y'], [int('transB', 1)]);
  graph.output('y', width);
  return graph;
}
