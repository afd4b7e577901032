import { resolve } from 'node:path';

/**
 * Tokens that pictures take in a prompt of a model. Throws UNSUPPORTED for a model without eyes, and what reads them
 * throws.
 */
export async function pictureTokens(
  model: string,
  images: readonly string[],
  { mmproj, cacheDir }: { mmproj?: string; cacheDir?: string },
): Promise<number> {
  const [{ findVision }, { openVision }, { resolveSource }, { givenImages }, { readImages }, { withoutEyes }] =
    await Promise.all([
      import('../../vision/find-vision.js'),
      import('../../vision/open-vision.js'),
      import('../../hub/resolve-source.js'),
      import('../../api/pictures/images.js'),
      import('../../api/pictures/read-images.js'),
      import('../../contract/check-pictures.js'),
    ]);
  const path = mmproj === undefined ? findVision(resolveSource(model, cacheDir), null) : resolve(mmproj);
  if (path === null) throw withoutEyes();
  const vision = openVision(path);
  const sizes = await readImages(givenImages(images));
  return sizes.reduce((sum, size) => sum + vision.tokens(size), 0);
}
