import type { ModelShape } from '../../dist/bench/model/shapes.js';

/** A stack of all experts' matrices, or their biases, as a GGUF file has it. */
export interface GgufStack {
  shape: number[];
  data: Buffer;
}

interface Tensor {
  name: string;
  shape: number[];
  data: Buffer;
  dtype: 'F32' | 'U8';
}

/**
 * gpt-oss's experts as transformers has them (modeling_gpt_oss.py; integrations/mxfp4.py), weight by weight from the
 * stacks of a GGUF file, by its names.
 */
export function* gptOssExperts(
  stacks: ReadonlyMap<string, GgufStack>,
  { numLayers, hiddenSize, experts }: ModelShape,
  format: 'f32' | 'mxfp4',
): Generator<Tensor> {
  if (stacks.size === 0) return;
  const { numExperts, intermediateSize } = experts!;
  for (let layer = 0; layer < numLayers; layer++) {
    const stack = (part: string, kind: 'weight' | 'bias') => stacks.get(`blk.${layer}.ffn_${part}_exps.${kind}`)!.data;
    for (const [name, parts, rows, columns] of [
      ['gate_up_proj', ['gate', 'up'], 2 * intermediateSize, hiddenSize],
      ['down_proj', ['down'], hiddenSize, intermediateSize],
    ] as const) {
      const prefix = `model.layers.${layer}.mlp.experts.${name}`;
      const ofPart = rows / parts.length;
      /** Which of GGUF's stacks has row `row` of an expert, and at which of all experts' rows. */
      const source = (expert: number, row: number): [part: string, row: number] => [
        parts[row % parts.length],
        expert * ofPart + Math.floor(row / parts.length),
      ];
      const bias = Buffer.alloc(4 * numExperts * rows);
      const floats = Buffer.alloc(format === 'f32' ? 4 * numExperts * rows * columns : 0);
      const blocks = Buffer.alloc(format === 'f32' ? 0 : (numExperts * rows * columns) / 2);
      const scales = Buffer.alloc(blocks.length / 16);
      for (let expert = 0; expert < numExperts; expert++) {
        for (let row = 0; row < rows; row++) {
          const [part, from] = source(expert, row);
          const to = expert * rows + row;
          bias.writeFloatLE(stack(part, 'bias').readFloatLE(4 * from), 4 * to);
          const weights = stack(part, 'weight');
          for (let column = 0; column < columns; column++) {
            const [at, place] = [from * columns + column, to * columns + column];
            if (format === 'f32') {
              const transposed = (expert * columns + column) * rows + row;
              floats.writeFloatLE(weights.readFloatLE(4 * at), 4 * transposed);
              continue;
            }
            // GGML: a scale, then weights i and i + 16 in byte i.
            const block = 17 * (at >> 5);
            const byte = weights[block + 1 + (at & 15)];
            const nibble = at & 16 ? byte >> 4 : byte & 15;
            scales[place >> 5] = weights[block];
            blocks[place >> 1] |= nibble << (place % 2 === 0 ? 0 : 4);
          }
        }
      }
      yield { name: `${prefix}_bias`, shape: [numExperts, rows], data: bias, dtype: 'F32' };
      if (format === 'f32') yield { name: prefix, shape: [numExperts, columns, rows], data: floats, dtype: 'F32' };
      else {
        const shape = [numExperts, rows, columns / 32];
        yield { name: `${prefix}_blocks`, shape: [...shape, 16], data: blocks, dtype: 'U8' };
        yield { name: `${prefix}_scales`, shape, data: scales, dtype: 'U8' };
      }
    }
  }
}
