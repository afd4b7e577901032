import type { ExpertSource } from '../expert-sources.js';

/** Weights in a block of MXFP4, and the bytes of their nibbles. */
const [BLOCK, BLOCK_NIBBLES] = [32, 16];

const stackName = (layer: number, stack: 'gate_up' | 'down') => `model.layers.${layer}.mlp.experts.${stack}_proj`;

/**
 * gpt-oss's experts in safetensors (transformers, modeling_gpt_oss.py and integrations/mxfp4.py). The rows of gate and
 * up alternate in one stack, gate first. Their biases do the same.
 * The published files are in MXFP4. Nibbles [numExperts, rows, blocks, 16] and scales [numExperts, rows, blocks] are
 * tensors of their own. Fine-tunes hold floats, and each matrix is transposed: [numExperts, columns, rows].
 */
export function gptOssExperts(holds: (sourceName: string) => boolean): ExpertSource {
  const floats = holds(stackName(0, 'gate_up'));
  return (layer, tensor, { numExperts, intermediateSize, hiddenSize }) => {
    const isDown = tensor === 'down' || tensor === 'downBias';
    const name = stackName(layer, isDown ? 'down' : 'gate_up');
    const [rows, columns] = isDown ? [hiddenSize, intermediateSize] : [2 * intermediateSize, hiddenSize];
    const shared = isDown ? {} : { interleaved: tensor.startsWith('gate') ? (0 as const) : (1 as const) };
    if (tensor.endsWith('Bias')) return { sourceName: `${name}_bias`, sourceShape: [numExperts, rows], ...shared };
    if (floats) return { sourceName: name, sourceShape: [numExperts, columns, rows], layout: 'transposed', ...shared };
    return {
      sourceName: `${name}_blocks`,
      sourceShape: [numExperts, rows, columns / BLOCK, BLOCK_NIBBLES],
      layout: 'packed-mxfp4',
      scalesSourceName: `${name}_scales`,
      ...shared,
    };
  };
}
