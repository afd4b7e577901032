import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ISAS, Random, temporaryFolder, writeFiles } from './support.js';

const folder = temporaryFolder();
const COLUMNS = 1024;

describe.each(ISAS)('memory that is freed and given to others on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());
  const random = new Random(61);

  /** A matrix of random rows in a file. */
  function build(rows: number) {
    const weights = random.floats(rows * COLUMNS);
    const [path] = writeFiles(folder, [new Uint8Array(weights.buffer)]);
    const source = { path, offset: 0, rowStride: 4 * COLUMNS, rows, columns: COLUMNS, format: 'f32' as const };
    return { rows, weights, load: () => bridge.loadMatrix(source) };
  }

  function check({ rows, weights }: ReturnType<typeof build>, matrix: ReturnType<typeof bridge.loadMatrix>): void {
    const row = new Float32Array(COLUMNS);
    for (let index = 0; index < rows; index += 7) {
      matrix.row(index, row);
      expect(row).toEqual(weights.subarray(index * COLUMNS, (index + 1) * COLUMNS));
    }
  }

  it('holds what they read, whatever sizes it is cut into and put together from', () => {
    const made = [3, 700, 1, 1500, 40].map(build);
    let held = made.map((one) => one.load());
    for (const order of [[4, 3, 2, 1, 0], [1, 1, 0, 3], [3], [0, 1, 2, 3, 4]]) {
      bridge.recycleMemory(true);
      try {
        for (const matrix of held.filter((_, i) => i % 2 === 0)) matrix.dispose();
        const kept = held.filter((_, i) => i % 2 === 1);
        held = order.map((i) => made[i].load());
        order.forEach((i, at) => void check(made[i], held[at]));
        for (const matrix of kept) matrix.dispose();
      } finally {
        bridge.recycleMemory(false);
      }
      order.forEach((i, at) => void check(made[i], held[at]));
    }
    for (const matrix of held) matrix.dispose();
  });

  it('goes back to the system at the end', () => {
    const large = build(12_000);
    const before = process.memoryUsage.rss();
    const rounds = 24;
    for (let round = 0; round < rounds; round++) {
      const matrix = large.load();
      bridge.recycleMemory(true);
      matrix.dispose();
      bridge.recycleMemory(false);
    }
    // An allocator may keep some for itself: AddressSanitizer holds 256 MB of what was freed.
    expect(process.memoryUsage.rss() - before).toBeLessThan((rounds / 2) * 4 * COLUMNS * large.rows);
  });
});
