import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Bridge } from '../../../native-bridge/bridge.js';
import type { PictureFile } from '../../contract/protocol.js';
import { asFlashrowError } from '../../disk/bridge-errors.js';
import { FlashrowError } from '../../errors.js';
import type { CheckAborted } from '../../vision/check-aborted.js';
import { decodePicture } from '../../vision/decode/decode.js';
import type { Picture } from '../../vision/decode/picture.js';
import type { Region } from '../../vision/regions/region.js';
import type { VisionModel } from '../../vision/vision-model.js';
import type { Grid } from './grid-places.js';
import { type GivenRows, pictureIds } from './picture-ids.js';

/** A prompt as the engine runs it. */
export interface PlacedPrompt {
  /** Its ids, where a picture has ids of its own (picture-ids.ts). */
  readonly ids: readonly number[];
  /** Makes the embeddings of the pictures that have tokens from position `from` on. Throws ABORTED, CORRUPT or IO. */
  see(from: number): void;
  /** Lets go of them. */
  end(): void;
  /** Rows and columns of pictures by the id that each begins with, where positions tell them. */
  readonly grids: ReadonlyMap<number, Grid>;
}

/** A prompt of text alone. */
export const withoutPictures = (ids: readonly number[]): PlacedPrompt => ({
  ids,
  see: () => {},
  end: () => {},
  grids: new Map(),
});

/** A picture of a prompt. */
interface Placed {
  file: PictureFile;
  /** Set where it is a region of the picture, and the seed of the points that are looked at. */
  region?: { region: Region; seed: number };
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
  /** The picture that was decoded last. */
  #last: { file: PictureFile; picture: Picture } | null = null;
  /** What the calls that run need. */
  readonly given: GivenRows;

  /** `keptBytes`: of embeddings, at least those of one prompt. */
  constructor(vision: VisionModel, bridge: Bridge, keptBytes: number) {
    this.#vision = vision;
    this.#bridge = bridge;
    this.#kept = new LRUCache({ maxSize: keptBytes, sizeCalculation: (rows) => rows.byteLength });
    this.given = { rows: new Map(), standIn: vision.imageTokenId, deepstack: vision.deepstack ?? 0 };
  }

  /**
   * A prompt whose image tokens are those of `files`, in order. The points of regions are drawn from `seed`. Throws
   * BAD_USAGE where they are more or fewer than the pictures have.
   */
  place(ids: readonly number[], files: readonly PictureFile[], seed: number, aborted: () => boolean): PlacedPrompt {
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
    const pictures: Placed[] = this.#placeRegions(all, files, seed);
    const grids = new Map<number, Grid>();
    let at = -1;
    for (const file of files) {
      const digest = this.#digestOf(file);
      const own = pictureIds(digest, this.#vision.tokens(file));
      for (const id of own) {
        at = all.indexOf(imageTokenId, at + 1);
        all[at] = id;
      }
      pictures.push({ file, digest, ids: own, end: at + 1 });
      const grid = this.#vision.grid?.(file);
      if (grid) grids.set(own[0], grid);
    }
    const needed: Placed[] = [];
    return {
      ids: all,
      grids,
      see: (from) => {
        try {
          for (const picture of pictures) {
            if (picture.end <= from) continue;
            this.#see(picture, aborted);
            needed.push(picture);
          }
        } finally {
          this.#last = null;
        }
      },
      end: () => {
        for (const picture of needed.splice(0)) this.#forget(picture);
      },
    };
  }

  #digestOf({ bytes }: PictureFile): string {
    return createHash('sha256').update(this.#vision.digest).update(bytes).digest('hex');
  }

  /** Gives the regions of all pictures ids of their own, in order. Throws BAD_USAGE where ids have more or fewer. */
  #placeRegions(all: number[], files: readonly PictureFile[], seed: number): Placed[] {
    const eyes = this.#vision.regions;
    const placed: Placed[] = [];
    if (!eyes) return placed;
    const places = all.flatMap((id, at) => (id === eyes.tokenId ? [at] : []));
    const regions = files.flatMap((file) => file.regions.map((region) => ({ file, region })));
    if (places.length !== regions.length)
      throw new FlashrowError(
        'BAD_USAGE',
        `the prompt has ${places.length} tokens ${eyes.token}, and the regions given are ${regions.length}`,
        { option: 'regions' },
      );
    for (const [i, { file, region }] of regions.entries()) {
      const digest = `${this.#digestOf(file)} ${regionKey(region)} ${seed}`;
      const ids = pictureIds(digest, 1);
      all[places[i]] = ids[0];
      placed.push({ file, region: { region, seed }, digest, ids, end: places[i] + 1 });
    }
    return placed;
  }

  #see({ file, region, digest, ids }: Placed, aborted: () => boolean): void {
    const calls = this.#calls.get(digest) ?? 0;
    if (calls === 0) {
      const embedded = this.#kept.get(digest) ?? this.#embed(file, region, aborted);
      const width = embedded.length / ids.length;
      this.#kept.set(digest, embedded);
      for (const [i, id] of ids.entries()) this.given.rows.set(id, embedded.subarray(i * width, (i + 1) * width));
    }
    this.#calls.set(digest, calls + 1);
  }

  /** The picture that was decoded last, while a prompt is looked at: its regions follow. */
  #decoded(file: PictureFile, checkAborted: CheckAborted): Picture {
    if (this.#last?.file !== file) this.#last = { file, picture: decodePicture(file.bytes, file.name, checkAborted) };
    return this.#last.picture;
  }

  #forget({ digest, ids }: Placed): void {
    const calls = this.#calls.get(digest)! - 1;
    this.#calls.set(digest, calls);
    if (calls > 0) return;
    this.#calls.delete(digest);
    for (const id of ids) this.given.rows.delete(id);
  }

  #embed(file: PictureFile, given: Placed['region'], aborted: () => boolean): Float32Array {
    const checkAborted = () => {
      if (aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
    };
    try {
      const picture = this.#decoded(file, checkAborted);
      if (given) return this.#vision.regions!.embed(this.#bridge, picture, given.region, given.seed, checkAborted);
      return this.#vision.embed(this.#bridge, picture, checkAborted);
    } catch (error) {
      throw asFlashrowError(error);
    }
  }
}

/** Tells a region from others of its picture. */
function regionKey(region: Region): string {
  if (!('mask' in region)) return JSON.stringify(region);
  const samples = 'bytes' in region.mask ? region.mask.bytes : region.mask.data;
  return `mask ${createHash('sha256').update(samples).digest('hex')}`;
}
