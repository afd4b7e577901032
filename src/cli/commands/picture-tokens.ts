import { resolve } from 'node:path';
import { ofLastPicture, type RegionFlags } from '../options/image-option.js';

/** Tokens that a region takes in a prompt: its four numbers, and its own. */
const REGION_TOKENS = 24;

/**
 * Tokens that pictures and their regions take in a prompt of a model. Throws UNSUPPORTED for a model that takes none,
 * BAD_USAGE for regions that their pictures do not have, and what reads them throws.
 */
export async function pictureTokens(
  model: string,
  { mmproj, cacheDir, ...flags }: RegionFlags & { mmproj?: string; cacheDir?: string },
): Promise<number> {
  const [
    { findVision },
    { openVision },
    { resolveSource },
    { givenImages },
    { readImages },
    { withoutEyes },
    { withoutRegions },
  ] = await Promise.all([
    import('../../vision/find-vision.js'),
    import('../../vision/open-vision.js'),
    import('../../hub/resolve-source.js'),
    import('../../api/pictures/images.js'),
    import('../../api/pictures/read-images.js'),
    import('../../contract/check-pictures.js'),
    import('../../vision/markers.js'),
  ]);
  const path = mmproj === undefined ? findVision(resolveSource(model, cacheDir), null) : resolve(mmproj);
  if (path === null) throw withoutEyes();
  const vision = openVision(path);
  const files = await readImages(givenImages(flags.image, ofLastPicture(flags)));
  let regions = 0;
  for (const file of files)
    for (const region of file.regions) {
      if (!vision.regions) throw withoutRegions();
      // Refuses one without a pixel.
      vision.regions.expand(region, file);
      regions++;
    }
  return files.reduce((sum, file) => sum + vision.tokens(file), regions * REGION_TOKENS);
}
