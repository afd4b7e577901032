import { FlashrowError, shown } from '../errors.js';

/** A picture: a path, a file URL, or the bytes of a PNG or a JPEG. */
export type ImageInput = string | URL | Uint8Array;

/** Samples of a mask, row after row from the top: what is not 0 is in it. */
export interface MaskSamples {
  /** Pixels across: as many as the picture has. */
  width: number;
  /** Pixels down. */
  height: number;
  /** [height, width] */
  data: Uint8Array;
}

/**
 * A part of a picture of any form, as large as the picture: a PNG, by its path, its file URL or its bytes, whose pixels
 * are in the part where they are neither black nor wholly transparent; or samples.
 */
export type MaskInput = ImageInput | MaskSamples;

/** A part of a picture, in pixels from its top left corner: a box, a point, or a mask. One of the three is there. */
export interface RegionInput {
  /** Left, top, right and bottom, all of them included. */
  box?: readonly number[] | undefined;
  /** Across and down. */
  point?: readonly number[] | undefined;
  /** A part of any form. */
  mask?: MaskInput | undefined;
  /** Which of the prompt's pictures it is of, from 0; default 0. In a message it is the last one before it. */
  image?: number | undefined;
}

/** A part of a message's content. Parts of the types `text`, `image` and `region` are supported. */
export interface ContentPart {
  /** `text`, `image` or `region`; others are UNSUPPORTED. */
  type: string;
  /** The text of a part of type `text`. */
  text?: string | undefined;
  /** The picture of a part of type `image`. */
  image?: ImageInput | undefined;
  /** `[left, top, right, bottom]` of a part of type `region`, in pixels of the picture before it. */
  box?: readonly number[] | undefined;
  /** `[across, down]` of a part of type `region` that is a point, in pixels of the picture before it. */
  point?: readonly number[] | undefined;
  /** A part of type `region` of any form, of the picture before it. */
  mask?: MaskInput | undefined;
  /** Any other field. */
  [field: string]: unknown;
}

/**
 * One turn of a conversation. All its fields reach the template as they are: `name`, `tool_calls`, `tool_call_id`,
 * `reasoning_content` and any other. The template defines the roles; usually they are system, user and assistant.
 */
export interface ChatMessage {
  /** Who speaks. */
  role: string;
  /** A text, or parts whose texts together are the text; null or left out where a message has none. */
  content?: string | readonly ContentPart[] | null | undefined;
  /** Any other field. */
  [field: string]: unknown;
}

/** A message as an app's own types may have it, also one that names no other fields. */
export type MessageInput = ChatMessage | Pick<ChatMessage, 'role' | 'content'>;

/** The fields that every message has. */
export const OWN_FIELDS: readonly string[] = ['role', 'content'];

/**
 * Throws UNSUPPORTED for parts of content that are no text, BAD_USAGE for those that have none and for content of any
 * other kind.
 */
export function checkContent(messages: readonly MessageInput[]): void {
  for (const [at, message] of messages.entries()) {
    const { content } = message;
    const where = `messages[${at}].content`;
    if (typeof content === 'string') continue;
    // A call of tools has no content, and some clients leave the field out.
    if ((content === undefined || content === null) && Object.keys(message).some((name) => !OWN_FIELDS.includes(name)))
      continue;
    if (!Array.isArray(content))
      throw new FlashrowError(
        'BAD_USAGE',
        `${where} is a text, or a list of parts; null beside other fields, like \`tool_calls\`; not ${shown(content)}`,
        {
          option: 'messages',
        },
      );
    for (const part of content) checkPart(part, where);
  }
}

function checkPart(part: unknown, where: string): void {
  const { type, text, image } = (part ?? {}) as { type?: unknown; text?: unknown; image?: unknown };
  if ((type === 'image' && isImage(image)) || (type === 'region' && regionFault(part) === null)) return;
  if (type === 'region')
    throw new FlashrowError('BAD_USAGE', `${where}: a region ${regionFault(part)}; ${REGION_ACCEPTED}`, {
      option: 'messages',
    });
  if (type === 'image')
    throw new FlashrowError(
      'BAD_USAGE',
      `${where} has an image part with \`image\` ${pictureKind(image)}; it is a path, a file URL, or the bytes of a PNG or a JPEG`,
      { option: 'messages' },
    );
  if (typeof type === 'string' && type !== 'text')
    throw new FlashrowError(
      'UNSUPPORTED',
      `${where} has a part of the type "${type}"; parts are of the type "text", with a text as \`text\`, or of the types "image" and "region"`,
      { type },
    );
  if (type !== 'text' || typeof text !== 'string')
    throw new FlashrowError('BAD_USAGE', `${where} has the part ${shown(part)}; write { type: 'text', text: '...' }`, {
      option: 'messages',
    });
}

/** Whether a value may be a picture, by its type alone. A URL of another realm is as good. */
export const isImage = (value: unknown): value is ImageInput =>
  (typeof value === 'string' && value !== '') ||
  value instanceof Uint8Array ||
  (typeof value === 'object' && value !== null && typeof (value as URL).href === 'string');

export const REGION_ACCEPTED =
  'a region is { box: [left, top, right, bottom] }, { point: [across, down] }, in pixels, or { mask }, a PNG';

/** What a value is that should be a picture, in words: `a Blob`. */
export const pictureKind = (value: unknown): string => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return shown(value);
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return tag === 'Object' ? 'an object' : `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`;
};

/**
 * What keeps a value from being a region, in words; null for a box or a point, of finite numbers from 0, and for a
 * mask, by its type alone.
 */
export function regionFault(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `is ${shown(value)}`;
  const { box, point, mask } = value as { box?: unknown; point?: unknown; mask?: unknown };
  const given = Object.entries({ box, point, mask }).filter(([, one]) => one !== undefined);
  const names = given.map(([name]) => `\`${name}\``);
  if (given.length !== 1) return given.length === 0 ? 'has none of the three' : `has ${names.join(' and ')}; give one`;
  if (box !== undefined) return numbersFault('box', box, 4);
  if (point !== undefined) return numbersFault('point', point, 2);
  if (isImage(mask) || isMaskSamples(mask)) return null;
  const { width, height, data } = (mask ?? {}) as Partial<MaskSamples>;
  if (data instanceof Uint8Array)
    return `has a mask of ${shown(width)} x ${shown(height)} pixels with ${data.length} samples; it has one for each pixel`;
  return `has as mask ${pictureKind(mask)}; bytes are a Uint8Array or a Buffer`;
}

function numbersFault(name: string, list: unknown, count: number): string | null {
  if (!Array.isArray(list)) return `has as ${name} ${shown(list)}; it is an array of ${count} numbers`;
  if (list.length !== count) return `has a ${name} of ${list.length} numbers; it has ${count}`;
  const wrong = [...list].find((one) => !(Number.isFinite(one) && one >= 0));
  return wrong === undefined && !list.includes(undefined)
    ? null
    : `has ${shown(wrong)} in its ${name}; numbers are finite, from 0`;
}

/** Whether a value is samples of a mask, as many as its sides say. */
export function isMaskSamples(value: unknown): value is MaskSamples {
  const { width, height, data } = (value ?? {}) as Partial<MaskSamples>;
  const isSide = (side: unknown) => Number.isSafeInteger(side) && (side as number) > 0;
  return data instanceof Uint8Array && isSide(width) && isSide(height) && data.length === width! * height!;
}
