import { FlashrowError, shown } from '../errors.js';
import { fromStandIns } from './byte-level.js';
import { isRecord, records } from './json-shape.js';

/** How a vocabulary writes bytes. */
export interface Spelling {
  /** GPT-2's stand-ins for bytes; or, with SentencePiece, U+2581 for a space and <0xXX> for a byte. */
  style: 'byte-level' | 'sentencepiece';
  /** True where encoding adds a space before a text, so decoding drops it. */
  dropsFirstSpace: boolean;
}

/** The spelling that tokenizer.json's `decoder` undoes. Throws UNSUPPORTED. */
export function spellingOf(decoder: unknown): Spelling {
  const steps = isRecord(decoder) && decoder.type === 'Sequence' ? records(decoder.decoders) : records([decoder]);
  const spelling: Spelling = { style: 'sentencepiece', dropsFirstSpace: false };
  for (const step of steps) {
    switch (step.type) {
      case 'ByteLevel':
        spelling.style = 'byte-level';
        break;
      case 'Metaspace':
        spelling.dropsFirstSpace = step.prepend_scheme !== 'never' && step.add_prefix_space !== false;
        break;
      case 'Strip':
        spelling.dropsFirstSpace = step.content === ' ' && Number(step.start) > 0;
        break;
      case 'Replace':
      case 'ByteFallback':
      case 'Fuse':
        break;
      default: {
        const type = shown(step.type);
        throw new FlashrowError('UNSUPPORTED', `tokenizer.json's decoder ${type} is not supported`, {
          type: step.type,
        });
      }
    }
  }
  return spelling;
}

const encoder = new TextEncoder();

/** The bytes that a token of the model's own vocabulary means in running text. */
export function bytesOfPiece(piece: string, style: Spelling['style']): Uint8Array {
  if (style === 'byte-level') return fromStandIns(piece) ?? encoder.encode(piece);
  const byte = byteOf(piece);
  return byte === null ? encoder.encode(piece.replaceAll('\u2581', ' ')) : Uint8Array.of(byte);
}

/** SentencePiece's byte tokens, `<0x00>` to `<0xFF>`. */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

const byteOf = (piece: string): number | null =>
  /^<0x[0-9A-F]{2}>$/.test(piece) ? Number.parseInt(piece.slice(3, 5), 16) : null;
