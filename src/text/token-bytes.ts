import { FlashrowError, shown } from '../errors.js';
import { fromStandIns } from './byte-level.js';
import { isRecord, records } from './json-shape.js';
import type { PieceModel } from './pieces/piece-model.js';
import { WordLevel, WordPiece } from './pieces/words.js';

/** How a vocabulary writes bytes. */
export interface Spelling {
  /**
   * GPT-2's stand-ins for bytes; or, with SentencePiece, U+2581 for a space and <0xXX> for a byte; or words, which have
   * spaces between them.
   */
  style: 'byte-level' | 'sentencepiece' | 'words';
  /** True where encoding adds a space before a text, so decoding drops it. */
  dropsFirstSpace: boolean;
  /** What a token begins with that goes on a word; null where each is a word. */
  continues: string | null;
  /** True where there is no space before punctuation and the ends of contractions. */
  cleansUp: boolean;
}

/** The spelling of `model` that tokenizer.json's `decoder` undoes. Throws UNSUPPORTED. */
export function spellingOf(decoder: unknown, model: PieceModel): Spelling {
  const steps = isRecord(decoder) && decoder.type === 'Sequence' ? records(decoder.decoders) : records([decoder]);
  const joinsWords = isNothing(decoder) && (model instanceof WordLevel || model instanceof WordPiece);
  const spelling: Spelling = {
    ...{ style: joinsWords ? 'words' : 'sentencepiece', dropsFirstSpace: joinsWords },
    ...{ continues: null, cleansUp: false },
  };
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
      case 'WordPiece':
        spelling.style = 'words';
        spelling.dropsFirstSpace = true;
        spelling.continues = typeof step.prefix === 'string' ? step.prefix : '##';
        spelling.cleansUp = step.cleanup !== false;
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

const isNothing = (value: unknown) => value === null || value === undefined;

const encoder = new TextEncoder();

/** The bytes that a token of the model's own vocabulary means in running text. */
export function bytesOfPiece(piece: string, spelling: Spelling): Uint8Array {
  const { style } = spelling;
  if (style === 'words') return encoder.encode(wordOf(piece, spelling));
  if (style === 'byte-level') return fromStandIns(piece) ?? encoder.encode(piece);
  const byte = byteOf(piece);
  return byte === null ? encoder.encode(piece.replaceAll('\u2581', ' ')) : Uint8Array.of(byte);
}

/** As the WordPiece decoder of the Rust library joins words, and cleans up behind itself. */
function wordOf(piece: string, { continues, cleansUp }: Spelling): string {
  const text = continues !== null && piece.startsWith(continues) ? piece.slice(continues.length) : ` ${piece}`;
  return cleansUp ? CLEANED.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text) : text;
}

const CLEANED: readonly (readonly [string, string])[] = [
  ...([' .', ' ?', ' !', ' ,'] as const).map((mark) => [mark, mark.slice(1)] as const),
  [" ' ", "'"],
  ...([" n't", " 'm"] as const).map((end) => [end, end.slice(1)] as const),
  [' do not', " don't"],
  ...([" 's", " 've", " 're"] as const).map((end) => [end, end.slice(1)] as const),
];

const byteOf = (piece: string): number | null =>
  /^<0x[0-9A-F]{2}>$/.test(piece) ? Number.parseInt(piece.slice(3, 5), 16) : null;
