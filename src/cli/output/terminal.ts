import { createColors } from 'picocolors';

type Colors = ReturnType<typeof createColors>;

/**
 * True for a terminal that a line can be drawn over again on. One that says TERM=dumb, or nothing, takes plain lines.
 */
export const canRedraw = (stream: NodeJS.WriteStream): boolean =>
  // The terminals of Windows understand escapes, and set no TERM.
  stream.isTTY === true && (process.platform === 'win32' || !['', 'dumb'].includes(process.env.TERM ?? ''));

/**
 * Colours for a stream, or functions that change nothing. A terminal has them, unless NO_COLOR or TERM=dumb say
 * otherwise; FORCE_COLOR gives them to a file or a pipe as well.
 */
export const colorsFor = (stream: NodeJS.WriteStream): Colors => createColors(hasColors(stream));

function hasColors(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR, NO_COLOR } = process.env;
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR);
  return !NO_COLOR && canRedraw(stream) && stream.hasColors();
}

/** True where the locale writes UTF-8, so that block characters show. */
export function writesUtf8(env: NodeJS.ProcessEnv = process.env, platform = process.platform): boolean {
  if (platform === 'win32' || platform === 'darwin') return true;
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '');
}
