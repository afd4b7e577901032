import type { Bridge } from '../../../native-bridge/bridge.js';
import { layerNorm } from '../../dense/norm.js';
import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import { type GridProcessor, gridProcessor } from '../process/grid-processor.js';
import type { Size } from '../process/processor.js';
import { activate } from '../tower/activate.js';
import { GridTower, type GridTowerNames, type GridTowerSpec } from '../tower/grid-tower.js';
import { Linear } from '../tower/linear.js';
import { isOfAttention, type TowerLayerTensor } from '../tower/tower-names.js';
import { towerActivation, visionConfig } from '../tower/tower-spec.js';
import type { TowerTensors } from '../tower/tower-tensors.js';
import type { Eyes, ImageToken, VisionSource } from '../vision-model.js';
import { imageTokenOf } from './llava.js';

const PREFIXES = ['model.visual.', 'visual.'];
const BEGIN = '<|vision_start|>';
export const IMAGE_PAD = '<|image_pad|>';
const END = '<|vision_end|>';
/** Of all norms of the tower; transformers has no field for it. */
export const QWEN_EPSILON = 1e-6;
/** Tokens that go through a merger together. */
const MERGED_TOGETHER = 256;

/** A norm and two linear layers with GELU between them, which make a token of a square of patches. */
interface MergerNames {
  norm: string;
  fc1: string;
  fc2: string;
}

/** What the eyes of Qwen3-VL are made of. */
interface Qwen3VlParts {
  spec: GridTowerSpec;
  names: GridTowerNames;
  tensors: TowerTensors;
  merger: MergerNames;
  /** Layers of the tower that are looked at besides the last, in order, each with a merger of its own. */
  deepstack: readonly { layer: number; merger: MergerNames }[];
  hiddenSize: number;
  processor: GridProcessor;
  image: ImageToken;
}

/**
 * Qwen3-VL (arXiv 2511.21631): a tower over the picture in its own shape; squares of patches become one token each. So
 * do those of some layers before the last, which the text half adds after its first layers (DeepStack). Throws
 * UNSUPPORTED or CORRUPT.
 */
export function qwen3VlEyes(parts: Qwen3VlParts): Eyes {
  const { spec, names, tensors, merger, deepstack, hiddenSize, processor, image } = parts;
  const tower = new GridTower(spec, names, tensors);
  const joined = spec.hiddenSize * spec.merge ** 2;
  const after = new Merger(merger, tensors, { joined, normed: spec.hiddenSize, hiddenSize });
  const between = deepstack.map(({ merger: one }) => new Merger(one, tensors, { joined, normed: joined, hiddenSize }));
  const square = spec.patchSize * spec.merge;
  const gridOf = (size: Size) => {
    const { width, height } = processor.sizeOf(size);
    return { rows: height / square, columns: width / square };
  };
  const tokens = (size: Size) => gridOf(size).rows * gridOf(size).columns;
  const rowsOf = 1 + deepstack.length;
  const bytesWithin = (most: number) => {
    const seen = Math.min(most, processor.mostSquares);
    const pixels = 4 * 3 * seen * square ** 2;
    return tower.bytes(seen * spec.merge ** 2) + pixels + 4 * seen * rowsOf * hiddenSize + after.bytes;
  };
  return {
    marker: `${BEGIN}${IMAGE_PAD}${END}`,
    imageToken: image.token,
    imageTokenId: image.id,
    hiddenSize,
    deepstack: deepstack.length,
    mostTokens: processor.mostSquares,
    bytes: bytesWithin(processor.mostSquares),
    bytesWithin,
    tokens,
    grid: gridOf,
    expand: (size) => `${BEGIN}${image.token.repeat(tokens(size))}${END}`,
    embed(bridge, picture, checkAborted) {
      const rows = new Float32Array(tokens(picture) * rowsOf * hiddenSize);
      const put = (one: Merger, x: Float32Array, at: number) =>
        one.run(bridge, x, rows, at * hiddenSize, rowsOf * hiddenSize);
      const seen = tower.run(bridge, processor.prepare(picture, checkAborted), checkAborted, (layer, x) => {
        const at = deepstack.findIndex((one) => one.layer === layer);
        if (at >= 0) put(between[at], x, 1 + at);
      });
      put(after, seen, 0);
      return rows;
    },
  };
}

/** Makes a token of each square of patches. */
class Merger {
  readonly #names: MergerNames;
  readonly #tensors: TowerTensors;
  readonly #sizes: { joined: number; normed: number; hiddenSize: number };

  /** `normed`: the width that the norm is over, of a patch or of a whole square, `joined`. Throws CORRUPT. */
  constructor(
    names: MergerNames,
    tensors: TowerTensors,
    sizes: { joined: number; normed: number; hiddenSize: number },
  ) {
    this.#names = names;
    this.#tensors = tensors;
    this.#sizes = sizes;
    const { joined, normed, hiddenSize } = sizes;
    for (const part of ['weight', 'bias']) tensors.checked(`${names.norm}.${part}`, [normed]);
    tensors.checked(`${names.fc1}.weight`, [joined, joined]);
    tensors.checked(`${names.fc1}.bias`, [joined]);
    tensors.checked(`${names.fc2}.weight`, [hiddenSize, joined]);
    tensors.checked(`${names.fc2}.bias`, [hiddenSize]);
  }

  /** The most bytes that `run` takes. */
  get bytes(): number {
    const { joined, hiddenSize } = this.#sizes;
    const weights = this.#tensors.bytes(`${this.#names.fc1}.weight`) + this.#tensors.bytes(`${this.#names.fc2}.weight`);
    return weights + 4 * MERGED_TOGETHER * (2 * joined + hiddenSize);
  }

  /** Token i of x[tokens, joined] becomes the hiddenSize numbers of `into` from `first + i * stride` on. */
  run(bridge: Bridge, x: Float32Array, into: Float32Array, first: number, stride: number): void {
    const { joined, normed, hiddenSize } = this.#sizes;
    const { norm, fc1, fc2 } = this.#names;
    const vector = (part: string) => this.#tensors.values(`${norm}.${part}`, [normed]);
    const [weight, bias] = [vector('weight'), vector('bias')];
    const [wide, inner, out] = [joined, joined, hiddenSize].map((width) => new Float32Array(MERGED_TOGETHER * width));
    const linears = [
      new Linear(this.#tensors, bridge, `${fc1}.weight`, `${fc1}.bias`, [joined, joined]),
      new Linear(this.#tensors, bridge, `${fc2}.weight`, `${fc2}.bias`, [hiddenSize, joined]),
    ];
    try {
      for (let token = 0; token * joined < x.length; token += MERGED_TOGETHER) {
        const some = Math.min(MERGED_TOGETHER, x.length / joined - token);
        const from = x.subarray(token * joined, (token + some) * joined);
        layerNorm(from, (some * joined) / normed, weight, bias, QWEN_EPSILON, wide);
        linears[0].run(wide, some, inner);
        activate(inner, some * joined, 'gelu');
        linears[1].run(inner, some, out);
        for (let i = 0; i < some; i++)
          into.set(out.subarray(i * hiddenSize, (i + 1) * hiddenSize), first + (token + i) * stride);
      }
    } finally {
      for (const linear of linears) linear.dispose();
    }
  }
}

/** Qwen3-VL of a Hugging Face folder. Throws UNSUPPORTED or CORRUPT. */
export function qwen3VlVision({ config, processor, tensors }: VisionSource): Eyes {
  const vision = visionConfig(config);
  const prefix = tensors.prefix(PREFIXES, 'patch_embed.proj.weight');
  const spec: GridTowerSpec = {
    patchSize: vision.size('patch_size', 16),
    hiddenSize: vision.size('hidden_size', 1152),
    intermediateSize: vision.size('intermediate_size', 4304),
    numHeads: vision.size('num_heads', 16),
    numLayers: vision.size('depth', 27),
    epsilon: QWEN_EPSILON,
    activation: towerActivation(vision, 'hidden_act', 'gelu-tanh'),
    merge: vision.size('spatial_merge_size', 2),
  };
  checkGridTower(spec, vision, 'num_heads');
  checkFields(vision, processor.fields, spec);
  const listed = vision.raw('deepstack_visual_indexes') ?? [8, 16, 24];
  const layers = layersIn(vision, 'deepstack_visual_indexes', listed, spec.numLayers);
  const mergerNames = (name: string): MergerNames => ({
    norm: `${prefix}${name}.norm`,
    fc1: `${prefix}${name}.linear_fc1`,
    fc2: `${prefix}${name}.linear_fc2`,
  });
  return qwen3VlEyes({
    ...{ spec, tensors },
    names: {
      fused: true,
      layer: (index, name, part) => `${prefix}blocks.${index}.${layerName(name)}.${part}`,
      patches: [{ name: `${prefix}patch_embed.proj.weight`, frames: vision.size('temporal_patch_size', 2) }],
      patchBias: `${prefix}patch_embed.proj.bias`,
      positions: `${prefix}pos_embed.weight`,
    },
    merger: mergerNames('merger'),
    deepstack: layers.map((layer, at) => ({ layer, merger: mergerNames(`deepstack_merger_list.${at}`) })),
    hiddenSize: vision.size('out_hidden_size', 3584),
    processor: gridProcessor(processor.fields, processor.names, spec.patchSize * spec.merge),
    image: { token: IMAGE_PAD, id: imageTokenOf(config) },
  });
}

const LAYER: Readonly<Partial<Record<TowerLayerTensor, string>>> = {
  ...{ norm1: 'norm1', o: 'attn.proj', norm2: 'norm2', fc1: 'mlp.linear_fc1', fc2: 'mlp.linear_fc2' },
};
const layerName = (name: TowerLayerTensor): string => (isOfAttention(name) ? 'attn.qkv' : LAYER[name]!);

/** Throws CORRUPT for sizes that do not go together. */
export function checkGridTower({ hiddenSize, numHeads }: GridTowerSpec, fields: Fields, key: string): void {
  if (hiddenSize % numHeads !== 0 || (hiddenSize / numHeads) % 4 !== 0)
    throw fields.corrupt(
      key,
      `is ${numHeads}; the ${hiddenSize} numbers of a patch should make heads of 4, 8, 12, ...`,
    );
}

function checkFields(vision: Fields, processor: Fields, { patchSize, merge }: GridTowerSpec): void {
  const type = vision.text('model_type');
  if (type !== null && type !== 'qwen3_vl' && type !== 'qwen3_vl_vision')
    throw vision.unsupported('model_type', `is ${shown(type)}; towers of this kind are read as "qwen3_vl"`);
  if (vision.size('in_channels', 3) !== 3)
    throw vision.unsupported('in_channels', `is ${shown(vision.raw('in_channels'))}; pictures have 3`);
  const expected = { patch_size: patchSize, merge_size: merge };
  for (const [key, size] of Object.entries(expected))
    if (processor.raw(key) !== undefined && processor.size(key) !== size)
      throw processor.corrupt(key, `is ${shown(processor.raw(key))}; the tower has ${size}`);
}

/** The numbers of layers in a list, in order. Throws CORRUPT. */
function layersIn(fields: Fields, key: string, listed: unknown, numLayers: number): number[] {
  const sound = (layer: unknown, i: number, all: unknown[]) =>
    Number.isInteger(layer) &&
    (layer as number) < numLayers &&
    (layer as number) > (i === 0 ? -1 : (all[i - 1] as number));
  if (!Array.isArray(listed) || !listed.every(sound))
    throw fields.corrupt(key, `is ${shown(listed)}; it should list layers below ${numLayers}, in order`);
  return listed;
}
