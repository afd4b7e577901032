import { FlashrowError } from '../errors.js';
import type { ModelSpec } from '../model/spec.js';
import type { Eyes } from './vision-model.js';

/** What of a text model says whether eyes go with it. */
export type TextHalf = Pick<ModelSpec, 'architecture' | 'hiddenSize' | 'numLayers' | 'rotary'>;

/**
 * Throws BAD_USAGE for the eyes at `path` where they are those of another model, UNSUPPORTED where the text half is not
 * known to see.
 */
export function checkFitting(
  path: string,
  eyes: Eyes,
  { architecture, hiddenSize, numLayers, rotary }: TextHalf,
): void {
  const another = (what: string) =>
    new FlashrowError('BAD_USAGE', `${path} ${what}: it belongs to another model; name its own as \`vision\``, {
      option: 'vision',
      path,
    });
  if (eyes.hiddenSize !== hiddenSize)
    throw another(`makes embeddings of ${eyes.hiddenSize} numbers, and the model has ${hiddenSize}`);
  if ((eyes.deepstack ?? 0) > numLayers)
    throw another(`brings more after ${eyes.deepstack} layers, and the model has ${numLayers}`);
  if (eyes.grid && !rotary?.sections)
    throw new FlashrowError(
      'UNSUPPORTED',
      `pictures of ${path} have positions by row and column, which models of ${architecture} are not run with here; \`vision: false\` runs the text half`,
      { path, architecture },
    );
}
