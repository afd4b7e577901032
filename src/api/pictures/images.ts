import { FlashrowError, shown } from '../../errors.js';
import type { ContentPart, ImageInput, MaskInput, MessageInput, RegionInput } from '../../text/chat-message.js';
import { isImage, isMaskSamples, pictureKind, REGION_ACCEPTED, regionFault } from '../../text/chat-message.js';
import type { Region } from '../../vision/regions/region.js';

/** A region of a picture, whose mask may be a file that is not read yet. */
export type GivenRegion = Exclude<Region, { mask: unknown }> | { mask: MaskInput };

/** A picture of a prompt, and the regions of it. Bytes are a copy: what the caller changes later changes nothing. */
export interface GivenImage {
  image: ImageInput;
  regions: GivenRegion[];
}

/**
 * Pictures and their regions as options give them. Throws BAD_USAGE where a region is of no picture, or comes before
 * one of an earlier picture.
 */
export function givenImages(images: readonly ImageInput[] = [], regions: readonly RegionInput[] = []): GivenImage[] {
  const given = [...images].map((image, at): GivenImage => {
    if (!isImage(image))
      throw new FlashrowError(
        'BAD_USAGE',
        `images[${at}] is a path, a file URL, or the bytes of a PNG or a JPEG as a Uint8Array or a Buffer, not ${pictureKind(image)}`,
        { option: 'images' },
      );
    return { image: copyOf(image), regions: [] };
  });
  if (given.length === 0 && regions.length > 0)
    throw new FlashrowError('BAD_USAGE', 'a region is a part of a picture, and there is none; give one as `images`', {
      option: 'regions',
    });
  let before = 0;
  for (const [at, region] of [...regions].entries()) {
    const fault = regionFault(region);
    if (fault !== null)
      throw new FlashrowError('BAD_USAGE', `regions[${at}] ${fault}; ${REGION_ACCEPTED}`, { option: 'regions' });
    const { image: of = 0 } = region;
    if (!(of >= before && of < given.length))
      throw new FlashrowError(
        'BAD_USAGE',
        `regions come in the order of their pictures, from 0 to ${given.length - 1}; one is of ${shown(of)}`,
        { option: 'regions' },
      );
    before = of;
    given[of].regions.push(shapeOf(region));
  }
  return given;
}

/** Whether any picture has a region, whose points a seed draws. */
export const haveRegions = (given: readonly GivenImage[]): boolean => given.some(({ regions }) => regions.length > 0);

/** The pictures that messages hold, in order, each with the regions after it. Throws BAD_USAGE for one before all. */
export function imagesIn(messages: readonly MessageInput[]): GivenImage[] {
  const given: GivenImage[] = [];
  for (const { content } of messages)
    for (const part of Array.isArray(content) ? (content as readonly ContentPart[]) : []) {
      if (part.type === 'image') given.push({ image: copyOf(part.image!), regions: [] });
      else if (part.type === 'region') {
        const last = given.at(-1);
        if (!last)
          throw new FlashrowError('BAD_USAGE', 'messages have a region before any picture; it is of the last one', {
            option: 'messages',
          });
        last.regions.push(shapeOf(part));
      }
    }
  return given;
}

function shapeOf({ box, point, mask }: Omit<RegionInput, 'image'>): GivenRegion {
  if (box) return { box: [...box] };
  if (point) return { point: [...point] };
  return { mask: isMaskSamples(mask) ? { ...mask, data: Uint8Array.from(mask.data) } : copyOf(mask!) };
}

const copyOf = (image: ImageInput): ImageInput => (image instanceof Uint8Array ? Uint8Array.from(image) : image);
