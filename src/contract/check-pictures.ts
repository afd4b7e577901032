import { FlashrowError } from '../errors.js';

/** The error for pictures that are given to a model without eyes. */
export const withoutEyes = () =>
  new FlashrowError(
    'UNSUPPORTED',
    'the model takes no pictures: it has no vision tower that is known here, or was loaded without it; name one as `vision`, or leave the pictures out',
    { option: 'images' },
  );
