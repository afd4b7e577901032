import { FlashrowError } from '../errors.js';
import type { ModelSpec } from '../model/spec.js';
import type { Eyes, TokenIds } from './vision-model.js';

/** What of a text model says whether eyes go with it. */
export type TextHalf = Pick<ModelSpec, 'architecture' | 'hiddenSize' | 'numLayers' | 'rotary'>;

const ofAnother = (path: string, what: string) =>
  new FlashrowError('BAD_USAGE', `${path} ${what}: it belongs to another model; name its own as \`vision\``, {
    option: 'vision',
    path,
  });

/** Throws BAD_USAGE for the eyes at `path` where the text half's vocabulary, which `ids` knows, lacks their tokens. */
export function checkTokens(path: string, { imageToken, imageTokenId, regions }: Eyes, ids: TokenIds): void {
  const named = [{ token: imageToken, id: imageTokenId }];
  if (regions) named.push({ token: regions.token, id: regions.tokenId });
  for (const { token, id } of named) {
    const own = ids(token);
    if (own !== id)
      throw ofAnother(path, `has ${token} as token ${id}, and the model ${own === null ? 'has none' : `as ${own}`}`);
  }
}

/**
 * Throws BAD_USAGE for the eyes at `path` where they are those of another model, UNSUPPORTED where the text half is not
 * known to see.
 */
export function checkFitting(
  path: string,
  eyes: Eyes,
  { architecture, hiddenSize, numLayers, rotary }: TextHalf,
): void {
  if (eyes.hiddenSize !== hiddenSize)
    throw ofAnother(path, `makes embeddings of ${eyes.hiddenSize} numbers, and the model has ${hiddenSize}`);
  if ((eyes.deepstack ?? 0) > numLayers)
    throw ofAnother(path, `brings more after ${eyes.deepstack} layers, and the model has ${numLayers}`);
  if (eyes.grid && !rotary?.sections)
    throw new FlashrowError(
      'UNSUPPORTED',
      `pictures of ${path} have positions by row and column, which models of ${architecture} are not run with here; \`vision: false\` runs the text half`,
      { path, architecture },
    );
}
