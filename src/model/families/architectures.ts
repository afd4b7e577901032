import { FlashrowError, shown } from '../../errors.js';
import type { Architecture, ModelDescription, SourceTensors } from '../architecture.js';
import type { Fields } from '../fields.js';
import { falcon } from './falcon.js';
import { gemma, gemma2, gemma3 } from './gemma.js';
import { gptOss } from './gpt-oss.js';
import { llama } from './llama.js';
import { mixtral } from './mixtral.js';
import { olmoe } from './olmoe.js';
import { opt } from './opt.js';
import { phi3 } from './phi3.js';
import { qwen2 } from './qwen2.js';
import { qwen2Moe } from './qwen2-moe.js';
import { qwen3 } from './qwen3.js';
import { qwen3Moe } from './qwen3-moe.js';

const ARCHITECTURES: readonly Architecture[] = [
  llama,
  opt,
  falcon,
  mixtral,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  olmoe,
  gptOss,
  gemma,
  gemma2,
  gemma3,
  phi3,
];

/** Reads config.json's fields; `holds` says whether the checkpoint has a tensor of that name. */
export function describeHuggingFace(
  name: string,
  config: Fields,
  holds: (sourceName: string) => boolean,
): ModelDescription {
  const classes = config.raw('architectures');
  const wanted = Array.isArray(classes) ? classes[0] : classes;
  if (typeof wanted !== 'string')
    throw config.corrupt('architectures', 'is missing; it should name the model class, as in ["LlamaForCausalLM"]');
  const found = ARCHITECTURES.find(({ huggingFaceClasses }) => huggingFaceClasses.includes(wanted));
  if (!found)
    throw unknown(
      config,
      wanted,
      ARCHITECTURES.flatMap(({ huggingFaceClasses }) => huggingFaceClasses),
    );
  return found.fromHuggingFace(name, config, holds);
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
    {
      path: fields.where,
      architecture: wanted,
      supported: known,
    },
  );
