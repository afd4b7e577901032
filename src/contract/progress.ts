/**
 * How far a long task has come. It has the same shape wherever `onProgress` is given. Ticks come in order; a new stage
 * begins a new count.
 */
export interface Progress {
  /**
   * What is being done; more stages may be added.
   * - `compare`: a checkpoint is read to tell whether the store in the cache folder was made of the same bytes (bytes);
   * - `convert`: a checkpoint is written as a store (bytes);
   * - `merge`: a base model and a delta are added (bytes);
   * - `load`: the resident half comes into memory (bytes);
   * - `prefill`: the prompt runs (tokens; a share of one where a layer of a chunk is done);
   * - `score`: sequences are scored (sequences);
   * - `verify`: a store is read (bytes);
   * - `headers`: the beginning of a file is fetched, to plan the model (bytes of that file);
   * - `check`: a file that is here is compared with the hub's digest (bytes of that file);
   * - `fetch`: a model is fetched (bytes);
   * - `draft`: what the draft `self` needs is made, once for a model (layers);
   * - `collect`: texts run through a model that is calibrated (tokens);
   * - `train`: its predictors are trained (layers; a share of one where a rank is done).
   */
  stage: ProgressStage;
  /** How much is done, in units of `unit`. It may be a fraction. */
  done: number;
  /** How much there is, in units of `unit`. */
  total: number;
  /** What is counted. */
  unit: 'bytes' | 'tokens' | 'layers' | 'sequences';
  /**
   * Of stage `convert`, where it takes the place of a store in the cache folder: the damaged file of that store, or the
   * file of the checkpoint that has changed.
   */
  damagedFile?: string;
  /**
   * Of stage `convert`, where the rest of the checkpoint is read in place: the matrices that are written all the same,
   * and why, in words.
   */
  copied?: string;
  /** Of stage `train`: the layer at work, from 0. */
  layer?: number;
  /** Of stage `train`: the rank at work. */
  rank?: number;
}

/** What a long task is at; more may be added. */
export type ProgressStage =
  | 'compare'
  | 'convert'
  | 'merge'
  | 'load'
  | 'prefill'
  | 'score'
  | 'verify'
  | 'headers'
  | 'check'
  | 'fetch'
  | 'draft'
  | 'collect'
  | 'train';
