import type { Architecture } from './architecture.js';
import type { DecoderFamily } from './decoder-family.js';
import { ggufDecoder } from './decoder-from-gguf.js';
import { huggingFaceDecoder } from './decoder-from-hugging-face.js';

/** The architecture of a family of decoders: both ways to read its configuration. */
export const decoder = (family: DecoderFamily): Architecture => ({
  name: family.architecture,
  huggingFaceClasses: family.huggingFaceClasses,
  ggufName: family.ggufName,
  mixture: family.experts !== null,
  fromHuggingFace: (name, config, holds, folder) => huggingFaceDecoder(family, name, config, holds, folder),
  fromGguf: (name, metadata, tensors) => ggufDecoder(family, name, metadata, tensors),
});
