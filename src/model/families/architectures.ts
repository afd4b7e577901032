import { FlashrowError, shown } from '../../errors.js';
import type { Architecture, FolderTensors, ModelDescription, SourceTensors } from '../architecture.js';
import type { Fields } from '../fields.js';
import * as families from './list.js';

const ARCHITECTURES: readonly Architecture[] = Object.values(families);

/** The names that `ModelSpec.architecture` may have. */
export const ARCHITECTURE_NAMES: readonly string[] = ARCHITECTURES.map(({ name }) => name);

/** Classes whose folders hold weights in formats of their own, and which GGUF files hold too. */
const GGUF_ALONE: ReadonlyMap<string, string> = new Map([['DeepseekV4ForCausalLM', 'deepseek4']]);

/**
 * Reads config.json's fields. `holds` says whether the checkpoint has a tensor of that name, and `folder` more of it,
 * which few architectures ask for.
 */
export function describeHuggingFace(
  name: string,
  config: Fields,
  holds: (sourceName: string) => boolean,
  folder: FolderTensors = { shape: () => null, integers: () => [] },
): ModelDescription {
  const classes = config.raw('architectures');
  const wanted = Array.isArray(classes) ? classes[0] : classes;
  if (typeof wanted !== 'string')
    throw config.corrupt('architectures', 'is missing; it should name the model class, as in ["LlamaForCausalLM"]');
  const found = ARCHITECTURES.find(({ huggingFaceClasses }) => huggingFaceClasses.includes(wanted));
  const ggufName = GGUF_ALONE.get(wanted);
  if (ggufName)
    throw config.unsupported(
      'architectures',
      `is ${shown(wanted)}, of which folders are not read; use a GGUF file of the model, of architecture "${ggufName}"`,
    );
  if (!found)
    throw unknown(
      config,
      wanted,
      ARCHITECTURES.flatMap(({ huggingFaceClasses }) => huggingFaceClasses),
    );
  return found.fromHuggingFace(name, config, holds, folder);
}

/** Reads a GGUF file's metadata. */
export function describeGguf(name: string, metadata: Fields, tensors: SourceTensors): ModelDescription {
  const wanted = metadata.text('general.architecture');
  if (wanted === null)
    throw metadata.corrupt('general.architecture', 'is missing; every GGUF model names its architecture');
  const experts = metadata.raw(`${wanted}.expert_count`);
  const mixture = experts !== undefined && experts !== 0;
  const byName = ARCHITECTURES.filter(({ ggufName }) => ggufName === wanted);
  const found = byName.length > 1 ? byName.find((one) => one.mixture === mixture) : byName[0];
  if (!found) throw unknown(metadata, wanted, [...new Set(ARCHITECTURES.flatMap(({ ggufName }) => ggufName ?? []))]);
  return found.fromGguf(name, metadata, tensors);
}

const unknown = (fields: Fields, wanted: string, known: string[]) =>
  new FlashrowError(
    'UNSUPPORTED',
    `${fields.where} is of architecture ${shown(wanted)}; supported: ${known.join(', ')}`,
    { path: fields.where, architecture: wanted, supported: known },
  );
