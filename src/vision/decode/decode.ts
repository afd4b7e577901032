import { type CheckAborted, NEVER_ABORTED } from '../check-aborted.js';
import { readHeader } from './header.js';
import { decodeJpeg } from './jpeg.js';
import { type Picture, turned } from './picture.js';
import { decodePng } from './png.js';

/**
 * A PNG or a JPEG as 8-bit RGB, upright. `where` is its name in messages. Throws UNSUPPORTED or CORRUPT; nothing is
 * allocated for pixels before the header has been checked. `checkAborted` is called between steps.
 */
export function decodePicture(bytes: Uint8Array, where: string, checkAborted: CheckAborted = NEVER_ABORTED): Picture {
  checkAborted();
  const header = readHeader(bytes, where);
  const picture = header.kind === 'png' ? decodePng(bytes, where, checkAborted) : decodeJpeg(bytes, header, where);
  return turned(picture, header.orientation);
}
