import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Bridge } from '../../../native-bridge/bridge.js';
import type { PictureFile } from '../../contract/protocol.js';
import { asFlashrowError } from '../../disk/bridge-errors.js';
import { FlashrowError } from '../../errors.js';
import { decodePicture } from '../../vision/decode/decode.js';
import type { VisionModel } from '../../vision/vision-model.js';
import { type GivenRows, pictureIds } from './picture-ids.js';

/** A prompt as the engine runs it. */
export interface PlacedPrompt {
  /** Its ids, where a picture has ids of its own (picture-ids.ts). */
  readonly ids: readonly number[];
  /** Makes the embeddings of the pictures that have tokens from position `from` on. Throws ABORTED, CORRUPT or IO. */
  see(from: number): void;
  /** Lets go of them. */
  end(): void;
}

/** A prompt of text alone. */
export const withoutPictures = (ids: readonly number[]): PlacedPrompt => ({ ids, see: () => {}, end: () => {} });

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
  /** By the digest of the eyes and the file. */
  readonly #kept: LRUCache<string, Float32Array>;
  /** Calls that need a picture, by its digest. */
  readonly #calls = new Map<string, number>();
  /** What the calls that run need. */
  readonly given: GivenRows;

  /** `keptBytes`: of embeddings, at least those of one prompt. */
  constructor(vision: VisionModel, bridge: Bridge, keptBytes: number) {
    this.#vision = vision;
    this.#bridge = bridge;
    this.#kept = new LRUCache({ maxSize: keptBytes, sizeCalculation: (rows) => rows.byteLength });
    this.given = { rows: new Map(), standIn: vision.imageTokenId };
  }

  /**
   * A prompt whose image tokens are those of `files`, in order. Throws BAD_USAGE where they are more or fewer than the
   * pictures have.
   */
  place(ids: readonly number[], files: readonly PictureFile[], aborted: () => boolean): PlacedPrompt {
    const { imageToken, imageTokenId } = this.#vision;
    const expected = files.reduce((sum, size) => sum + this.#vision.tokens(size), 0);
    const found = ids.reduce((sum, id) => sum + (id === imageTokenId ? 1 : 0), 0);
    if (expected !== found)
      throw new FlashrowError(
        'BAD_USAGE',
        `the prompt has ${found} tokens ${imageToken}, and its pictures have ${expected}; \`tokenize()\` with \`images\` makes ids that fit`,
        { option: 'images' },
      );
    if (files.length === 0) return withoutPictures(ids);
    const all = [...ids];
    const pictures: Placed[] = [];
    let at = -1;
    for (const file of files) {
      const digest = createHash('sha256').update(this.#vision.digest).update(file.bytes).digest('hex');
      const own = pictureIds(digest, this.#vision.tokens(file));
      for (const id of own) {
        at = all.indexOf(imageTokenId, at + 1);
        all[at] = id;
      }
      pictures.push({ file, digest, ids: own, end: at + 1 });
    }
    const needed: Placed[] = [];
    return {
      ids: all,
      see: (from) => {
        for (const picture of pictures) {
          if (picture.end <= from) continue;
          this.#see(picture, aborted);
          needed.push(picture);
        }
      },
      end: () => {
        for (const picture of needed.splice(0)) this.#forget(picture);
      },
    };
  }

  #see({ file, digest, ids }: Placed, aborted: () => boolean): void {
    const calls = this.#calls.get(digest) ?? 0;
    if (calls === 0) {
      const embedded = this.#kept.get(digest) ?? this.#embed(file, aborted);
      const { hiddenSize } = this.#vision;
      this.#kept.set(digest, embedded);
      for (const [i, id] of ids.entries())
        this.given.rows.set(id, embedded.subarray(i * hiddenSize, (i + 1) * hiddenSize));
    }
    this.#calls.set(digest, calls + 1);
  }

  #forget({ digest, ids }: Placed): void {
    const calls = this.#calls.get(digest)! - 1;
    this.#calls.set(digest, calls);
    if (calls > 0) return;
    this.#calls.delete(digest);
    for (const id of ids) this.given.rows.delete(id);
  }

  #embed({ bytes, name }: PictureFile, aborted: () => boolean): Float32Array {
    const checkAborted = () => {
      if (aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
    };
    try {
      return this.#vision.embed(this.#bridge, decodePicture(bytes, name), checkAborted);
    } catch (error) {
      throw asFlashrowError(error);
    }
  }
}
