import { z } from 'zod';
import type { ChatMessage } from '../index.js';
import { refuse } from './requests.js';

const DATA_URI = /^data:(?:image\/[\w.+-]+)?(?:;[\w-]+=[\w.+-]+)*;base64,([A-Za-z0-9+/]+={0,2})$/i;
const URL_PART = z.union([z.string(), z.looseObject({ url: z.string() })]);

/**
 * A message with its pictures and masks as bytes. They come in data URIs alone: nothing is read or fetched for a
 * client. Throws ServerError 400 for a picture that is anything else.
 */
export function withPictures(message: ChatMessage, at: number): ChatMessage {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const parts = content.map((part, index) => {
    const param = `messages[${at}].content[${index}]`;
    if (part.type === 'image') refuse(param, 'is a picture; write it as image_url, with a data URI');
    if (part.type === 'image_url') return { type: 'image', image: bytesOf(part.image_url, `${param}.image_url`) };
    if (part.type === 'region' && part.mask !== undefined)
      return { ...part, mask: bytesOf(part.mask, `${param}.mask`) };
    return part;
  });
  return { ...message, content: parts };
}

/** The bytes of a picture that stands in a data URI. Throws ServerError 400 for anything else. */
export function bytesOf(given: unknown, param: string): Uint8Array {
  const { data: part, success } = URL_PART.safeParse(given);
  if (!success) refuse(param, 'has no url');
  const uri = typeof part === 'string' ? part : part.url;
  const [, base64] =
    DATA_URI.exec(uri.replace(/\s+/g, '')) ?? refuse(param, 'is no data URI in Base64; nothing is fetched');
  return Buffer.from(base64, 'base64');
}
