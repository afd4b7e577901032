import { FlashrowError } from '../../errors.js';

/** `where` is a picture's name in messages. */
export const unsupported = (where: string, problem: string) =>
  new FlashrowError('UNSUPPORTED', `${where} ${problem}`, { option: 'images' });

export const damagedPicture = (where: string, problem: string) =>
  new FlashrowError('CORRUPT', `${where} ${problem}; the picture is damaged, get it again`, { where });
