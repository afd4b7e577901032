import { withFile } from '../../disk/files.js';
import { FlashrowError } from '../../errors.js';
import { openGgufFile } from '../../import/gguf.js';
import { hasGgufMagic } from '../../import/gguf-header.js';
import type { Fields } from '../../model/fields.js';
import { ggufTower, type TowerNames } from '../tower/tower-names.js';
import { checkTower, type TowerActivation, type TowerSpec } from '../tower/tower-spec.js';
import { TowerTensors } from '../tower/tower-tensors.js';

/** What a file of llama.cpp's is whose tensors are a vision tower, and what brings its output to a text model. */
export interface ClipFile {
  path: string;
  /** Its metadata. The keys of towers are under `clip.` (llama.cpp, tools/mtmd/clip-impl.h). */
  metadata: Fields;
  tensors: TowerTensors;
  /** Hex SHA-256 of its header and of samples of its weights. */
  digest: string;
}

const ARCHITECTURE = 'clip';

/** Opens an mmproj file by its header. Throws UNSUPPORTED for a GGUF file of another kind, CORRUPT, NOT_FOUND or IO. */
export function openClipFile(path: string): ClipFile {
  if (!withFile(path, hasGgufMagic))
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} is no GGUF file; a vision tower is an mmproj file in GGUF, or the folder of its Hugging Face model`,
      { path },
    );
  const { metadata, tensors, digest } = openGgufFile(path);
  const architecture = metadata.text('general.architecture');
  if (architecture !== ARCHITECTURE)
    throw metadata.unsupported(
      'general.architecture',
      `is ${architecture}; a file with a vision tower has "${ARCHITECTURE}" there, and "mmproj" in its name mostly`,
    );
  return { path, metadata, tensors: new TowerTensors(path, tensors), digest };
}

/** The projector, by llama.cpp's name. Throws UNSUPPORTED for a file that has to do with sound alone. */
export function projectorOf(metadata: Fields): string {
  if (metadata.flag('clip.has_vision_encoder') === false)
    throw metadata.unsupported('clip.has_vision_encoder', 'is false; the file has to do with sound, not with pictures');
  const name = metadata.text('clip.vision.projector_type') ?? metadata.text('clip.projector_type');
  if (name !== null) return name;
  // The first files were of LLaVA alone.
  if (metadata.flag('clip.has_llava_projector') === true) return 'mlp';
  throw metadata.corrupt('clip.projector_type', 'is missing; it should name the projector');
}

/** What differs between towers of the files. */
interface TowerKind extends Pick<TowerSpec, 'classToken' | 'preNorm' | 'postNorm' | 'patchBias'> {
  /** What `clip.use_gelu` stands for, and what is done without it. */
  gelu: TowerActivation;
  otherwise: TowerActivation;
}

/** The tower that the metadata describes. Throws UNSUPPORTED or CORRUPT. */
export function clipTower({ metadata }: ClipFile, { gelu, otherwise, ...kind }: TowerKind): TowerSpec {
  if (metadata.flag('clip.use_silu') === true)
    throw metadata.unsupported('clip.use_silu', 'is true; towers with SiLU are not supported');
  const key = (name: string) => `clip.vision.${name}`;
  const fields = metadata.called({ patch_size: key('patch_size'), num_attention_heads: key('attention.head_count') });
  const spec: TowerSpec = {
    imageSize: metadata.size(key('image_size')),
    patchSize: metadata.size(key('patch_size')),
    hiddenSize: metadata.size(key('embedding_length')),
    intermediateSize: metadata.size(key('feed_forward_length')),
    numHeads: metadata.size(key('attention.head_count')),
    numLayers: metadata.size(key('block_count')),
    epsilon: metadata.positive(key('attention.layer_norm_epsilon')),
    activation: metadata.flag('clip.use_gelu') === true ? gelu : otherwise,
    ...kind,
  };
  checkTower(spec, fields);
  return spec;
}

/** The names of a file's tensors. Throws as `TowerTensors.shape`. */
export function clipNames({ tensors }: ClipFile, { hiddenSize, intermediateSize }: TowerSpec): TowerNames {
  const [rows] = tensors.shape('v.blk.0.ffn_down.weight');
  return ggufTower(
    rows === intermediateSize && intermediateSize !== hiddenSize,
    tensors.has('v.blk.0.attn_qkv.weight'),
  );
}

/**
 * The fields of a processor as a Hugging Face folder would have them: `own`, and what the file says of mean and
 * deviation.
 */
export function processorFields(
  { metadata }: ClipFile,
  own: Readonly<Record<string, unknown>> = {},
): { fields: Fields; names: readonly string[] } {
  const called = { image_mean: 'clip.vision.image_mean', image_std: 'clip.vision.image_std' };
  return { fields: metadata.called(called, own), names: [...Object.keys(own), ...Object.keys(called)] };
}
