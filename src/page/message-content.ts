import type { Shown } from './picture.js';

/** Where the message says what is meant by a region. */
const MARKER = '<region>';

/** A message as the API takes it: its picture first, and the region where the text has `<region>`, or at its end. */
export function contentOf({ text, picture }: { text: string; picture: Shown | null }): string | object[] {
  if (picture === null) return text;
  const image = { type: 'image_url', image_url: { url: picture.uri } };
  const { region } = picture;
  if (region === null) return [image, { type: 'text', text }];
  const part = { type: 'region', ...(region.length === 2 ? { point: region } : { box: region }) };
  const at = text.indexOf(MARKER);
  const [before, after] = at < 0 ? [`${text} `, ''] : [text.slice(0, at), text.slice(at + MARKER.length)];
  const texts = (text: string) => (text === '' ? [] : [{ type: 'text', text }]);
  return [image, ...texts(before), part, ...texts(after)];
}
