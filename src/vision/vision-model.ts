import type { Bridge } from '../../native-bridge/bridge.js';
import type { Fields } from '../model/fields.js';
import type { CheckAborted } from './check-aborted.js';
import type { Picture } from './decode/picture.js';
import type { Size } from './process/processor.js';
import type { Region } from './regions/region.js';
import type { TowerTensors } from './tower/tower-tensors.js';

/** A model's eyes, opened. */
export interface VisionModel extends Eyes {
  /** Hex SHA-256 that tells them from others: of configuration and headers. */
  readonly digest: string;
}

/** What turns a picture into embeddings, and what stands for it in a prompt. */
export interface Eyes {
  /** What a prompt has where a picture belongs, as the model's own template writes it. */
  readonly marker: string;
  /** The token whose embeddings a picture's take the place of. */
  readonly imageToken: string;
  readonly imageTokenId: number;
  /** A Jinja template for conversations, where the model's folder may have none. */
  readonly chatTemplate?: string;
  /** True where answers name boxes in thousandths of the picture's sides (boxes.ts). */
  readonly writesBoxes?: true;
  /** How parts of a picture are told; absent where the model takes none. */
  readonly regions?: RegionEyes;
  /** Width of an embedding: the text half's hidden size. */
  readonly hiddenSize: number;
  /** Bytes that `embed` takes at most, the weights that it reads included. */
  readonly bytes: number;
  /** The same where a context of so many tokens holds no larger picture; absent where pictures differ little. */
  bytesWithin?(tokens: number): number;
  /** Layers of the text half after which pictures bring more, each a row of `hiddenSize`. Default 0. */
  readonly deepstack?: number;
  /** The most tokens of one picture. */
  readonly mostTokens: number;
  /** Tokens of a picture that see each other both ways, at most; absent where they are seen as text is. */
  readonly togetherTokens?: number;
  /** What a prompt says in place of `marker` for a picture of this size: image tokens, and what stands around them. */
  expand(size: Size): string;
  /** Image tokens of a picture of this size. */
  tokens(size: Size): number;
  /** Rows and columns of a picture's tokens, where their positions tell them. */
  grid?(size: Size): { rows: number; columns: number };
  /**
   * The embeddings of a picture, [tokens, 1 + deepstack, hiddenSize]. `checkAborted` is called between
   * steps, and ends the work by throwing. Throws IO, CORRUPT or INSUFFICIENT_MEMORY.
   */
  embed(bridge: Bridge, picture: Picture, checkAborted: CheckAborted): Float32Array;
}

/** A token of the vocabulary, and its id. */
export interface ImageToken {
  token: string;
  id: number;
}

/** The id of a token by its text; null where the vocabulary has no such token. */
export type TokenIds = (token: string) => number | null;

/** How a model is told of regions. */
export interface RegionEyes {
  /** What a prompt has where a region belongs. */
  readonly marker: string;
  /** The token that a region's embedding takes the place of. */
  readonly token: string;
  readonly tokenId: number;
  /** What a prompt says in place of `marker`. Throws BAD_USAGE where the region has no pixel of the picture. */
  expand(region: Region, size: Size): string;
  /** The embedding of a region, [hiddenSize]. The points that it looks at are drawn from `seed`. Throws as `embed`. */
  embed(bridge: Bridge, picture: Picture, region: Region, seed: number, checkAborted: CheckAborted): Float32Array;
}

/** What a model's eyes are made from: a Hugging Face folder, opened. */
export interface VisionSource {
  /** The folder, for messages. */
  path: string;
  /** config.json */
  config: Fields;
  /** preprocessor_config.json, and the names of its fields. */
  processor: { fields: Fields; names: readonly string[] };
  /** processor_config.json; without fields where there is none. */
  whole: Fields;
  tensors: TowerTensors;
}
