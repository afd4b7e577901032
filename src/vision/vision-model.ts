import type { Bridge } from '../../native-bridge/bridge.js';
import type { Fields } from '../model/fields.js';
import type { Picture } from './decode/picture.js';
import type { Size } from './process/processor.js';
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
  /** Width of an embedding: the text half's hidden size. */
  readonly hiddenSize: number;
  /** Bytes that `embed` takes at most, the weights that it reads included. */
  readonly bytes: number;
  /** The most tokens of one picture. */
  readonly mostTokens: number;
  /** What a prompt says in place of `marker` for a picture of this size: image tokens, and what stands around them. */
  expand(size: Size): string;
  /** Image tokens of a picture of this size. */
  tokens(size: Size): number;
  /**
   * The embeddings of a picture, [tokens, hiddenSize]. `checkAborted` is called between layers, and ends the work by
   * throwing. Throws IO, CORRUPT or INSUFFICIENT_MEMORY.
   */
  embed(bridge: Bridge, picture: Picture, checkAborted: () => void): Float32Array;
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
