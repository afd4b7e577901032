import { FlashrowError } from '../../errors.js';
import type { RegionFlags } from '../options/image-option.js';
import { ofLastPicture } from '../options/image-option.js';

/** The error for `--tokens` beside `--image`: no command makes ids that have a picture's among them. */
export const idsWithPictures = () =>
  new FlashrowError('BAD_USAGE', '--tokens does not go with --image: give the prompt as a text', {
    option: '--tokens',
  });

/**
 * Reads the headers of pictures and masks before a model is loaded. Throws what reading them throws: NOT_FOUND, IO,
 * BAD_USAGE, UNSUPPORTED or CORRUPT.
 */
export async function checkPictures(flags: RegionFlags): Promise<void> {
  if (flags.image === undefined && flags.region === undefined) return;
  const [{ givenImages }, { readImages }] = await Promise.all([
    import('../../api/pictures/images.js'),
    import('../../api/pictures/read-images.js'),
  ]);
  await readImages(givenImages(flags.image, ofLastPicture(flags)));
}
