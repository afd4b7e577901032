import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Bridge } from '../../native-bridge/bridge.js';
import type { PictureFile } from '../contract/protocol.js';
import { asFlashrowError } from '../disk/bridge-errors.js';
import { FlashrowError } from '../errors.js';
import { decodePicture } from '../vision/decode/decode.js';
import type { VisionModel } from '../vision/vision-model.js';
import { type GivenRows, pictureIds } from './picture-ids.js';

/** A prompt as the engine runs it. */
export interface PlacedPrompt {
  /** Its ids, where a picture has ids of its own (picture-ids.ts). */
  ids: readonly number[];
  /** The embeddings of pictures that have tokens from position `from` on; null where there are none. */
  rowsFrom(from: number): GivenRows | null;
}

/** A prompt of text alone. */
export const withoutPictures = (ids: readonly number[]): PlacedPrompt => ({ ids, rowsFrom: () => null });

/** A picture of a prompt. */
interface Placed {
  file: PictureFile;
  digest: string;
  ids: readonly number[];
  /** The position after its last token. */
  end: number;
}

/** Makes embeddings of pictures, and keeps those that were used last. */
export class Pictures {
  readonly #vision: VisionModel;
  readonly #bridge: Bridge;
  readonly #aborted: () => boolean;
  /** By the digest of the file. */
  readonly #kept: LRUCache<string, Float32Array>;

  /** `keptBytes`: of embeddings, which one prompt may fill. */
  constructor(vision: VisionModel, bridge: Bridge, keptBytes: number, aborted: () => boolean) {
    this.#vision = vision;
    this.#bridge = bridge;
    this.#aborted = aborted;
    this.#kept = new LRUCache({ maxSize: keptBytes, sizeCalculation: (rows) => rows.byteLength });
  }

  /**
   * A prompt whose image tokens are those of `files`, in order. Throws BAD_USAGE where they are more or fewer than the
   * pictures have.
   */
  place(ids: readonly number[], files: readonly PictureFile[]): PlacedPrompt {
    const { imageToken, imageTokenId } = this.#vision;
    const expected = files.reduce((sum, size) => sum + this.#vision.tokens(size), 0);
    const found = ids.reduce((sum, id) => sum + (id === imageTokenId ? 1 : 0), 0);
    if (expected !== found)
      throw new FlashrowError(
        'BAD_USAGE',
        `the prompt has ${found} tokens ${imageToken}, and its pictures have ${expected}; make ids by \`tokenize()\` with \`images\``,
        { option: 'images' },
      );
    if (files.length === 0) return withoutPictures(ids);
    const all = [...ids];
    const pictures: Placed[] = [];
    let at = -1;
    for (const file of files) {
      const digest = createHash('sha256').update(file.bytes).digest('hex');
      const own = pictureIds(digest, this.#vision.tokens(file));
      for (const id of own) {
        at = all.indexOf(imageTokenId, at + 1);
        all[at] = id;
      }
      pictures.push({ file, digest, ids: own, end: at + 1 });
    }
    return { ids: all, rowsFrom: (from) => this.#rows(pictures.filter(({ end }) => end > from)) };
  }

  #rows(pictures: readonly Placed[]): GivenRows | null {
    if (pictures.length === 0) return null;
    const { hiddenSize, imageTokenId } = this.#vision;
    const rows = new Map<number, Float32Array>();
    for (const { file, digest, ids } of pictures) {
      const embedded = this.#kept.get(digest) ?? this.#embed(file);
      this.#kept.set(digest, embedded);
      for (const [i, id] of ids.entries()) rows.set(id, embedded.subarray(i * hiddenSize, (i + 1) * hiddenSize));
    }
    return { rows, standIn: imageTokenId };
  }

  #embed({ bytes, name }: PictureFile): Float32Array {
    const checkAborted = () => {
      if (this.#aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
    };
    try {
      return this.#vision.embed(this.#bridge, decodePicture(bytes, name), checkAborted);
    } catch (error) {
      throw asFlashrowError(error);
    }
  }
}
