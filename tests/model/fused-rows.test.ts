import { describe, expect, it } from 'vitest';
import { fusedGateUp, fusedQueriesKeysValues } from '../../dist/src/model/fused-rows.js';
import type { LayerTensor } from '../../dist/src/model/tensor-names.js';

type Fused = ReturnType<typeof fusedGateUp>;

/** Which tensor each row of the fused matrix belongs to. */
function owners(fused: Fused, tensors: LayerTensor[]): string[] {
  const rows: string[] = [];
  for (const tensor of tensors) {
    const groups = fused(tensor)!;
    rows.length = groups.sourceRows;
    for (const first of groups.firstRows)
      for (let row = first; row < first + groups.rowsPerGroup; row++) {
        expect(rows[row], `row ${row}`).toBeUndefined();
        rows[row] = tensor;
      }
  }
  return rows;
}

describe('matrices in one', () => {
  it('hold all queries, then all keys, then all values', () => {
    const fused = fusedQueriesKeysValues({ numAttentionHeads: 3, numKeyValueHeads: 1, headDim: 2 });
    expect(owners(fused, ['v', 'q', 'k']).join('')).toBe('qqqqqqkkvv');
    expect(fused('o')).toBeNull();
  });

  it('hold gate before up', () => {
    const fused = fusedGateUp({ intermediateSize: 3 });
    expect(owners(fused, ['up', 'gate'])).toEqual(['gate', 'gate', 'gate', 'up', 'up', 'up']);
    expect(fused('down')).toBeNull();
  });
});
