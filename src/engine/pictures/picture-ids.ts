import { createHash } from 'node:crypto';
import type { Span } from '../mixer.js';

/*
 * In the engine a picture's tokens have ids that no vocabulary has, made from the digest of its file: prompts with the
 * same text and other pictures are then other prompts, also in a state that was saved. 30 bits of each are the
 * picture's own, so that all of its tokens together are as good as its digest; a prefix ends before a picture, never
 * within it.
 */

/** Ids of pictures begin here, and end before 2^32, as states in files hold ids in 32 bits. */
const FIRST = 2 ** 31;
/** Set in the first id of a picture. */
const BEGINS = 2 ** 30;

export const isPictureId = (id: number): boolean => id >= FIRST;
const begins = (id: number): boolean => id >= FIRST + BEGINS;

/** Embeddings that stand in place of those of the vocabulary. */
export interface GivenRows {
  /** [1 + deepstack, hiddenSize] by id: the embedding, and what is added to it after each of the first layers. */
  rows: Map<number, Float32Array>;
  /** Layers after which pictures bring more (DeepStack, arXiv 2406.04334). */
  deepstack: number;
  /** The token of the vocabulary that stands where a picture is. */
  standIn: number;
}

/** The ids of a picture of so many tokens. */
export function pictureIds(digest: string, tokens: number): number[] {
  const ids: number[] = [];
  for (let block = 0; ids.length < tokens; block++) {
    const hash = createHash('sha256').update(`${digest} ${tokens} ${block}`).digest();
    for (let at = 0; at < hash.length && ids.length < tokens; at += 4)
      ids.push(FIRST + (hash.readUInt32LE(at) % BEGINS) + (ids.length === 0 ? BEGINS : 0));
  }
  return ids;
}

/** `common` tokens that two prompts share, less those of a picture that they do not share as far as it goes on. */
export function beforePicture(ids: readonly number[], common: number): number {
  if (common >= ids.length || !isPictureId(ids[common]) || begins(ids[common])) return common;
  let start = common;
  while (start > 0 && isPictureId(ids[start]) && !begins(ids[start])) start--;
  return isPictureId(ids[start]) ? start : start + 1;
}

/** Where the pictures among `tokens` of a prompt's ids from `start` on are, counted from there. */
export function pictureSpans(ids: readonly number[], start: number, tokens: number): Span[] {
  const spans: Span[] = [];
  for (let at = 0; at < tokens; at++) {
    const id = ids[start + at];
    if (!isPictureId(id)) continue;
    const last = spans.at(-1);
    if (last?.to === at && !begins(id)) last.to = at + 1;
    else spans.push({ from: at, to: at + 1 });
  }
  return spans;
}

/** The ids for the embedding: a stand-in for each that is a picture's. */
export const standIns = (ids: readonly number[], given: GivenRows | null): readonly number[] =>
  given === null ? ids : ids.map((id) => (isPictureId(id) ? given.standIn : id));

/** Puts the embeddings of pictures into x[ids.length, hiddenSize]. */
export function giveRows(ids: readonly number[], given: GivenRows, x: Float32Array, hiddenSize: number): void {
  for (const [i, id] of ids.entries())
    if (isPictureId(id)) x.set(given.rows.get(id)!.subarray(0, hiddenSize), i * hiddenSize);
}

/** Adds what pictures bring after a layer to x[ids.length, hiddenSize]; later rows of a pass may be of nobody. */
export function addLayerRows(
  ids: readonly number[],
  { rows }: GivenRows,
  layer: number,
  x: Float32Array,
  hiddenSize: number,
): void {
  const from = (1 + layer) * hiddenSize;
  for (let i = 0; i < ids.length; i++) {
    if (!isPictureId(ids[i])) continue;
    const row = rows.get(ids[i])!;
    for (let j = 0; j < hiddenSize; j++) x[i * hiddenSize + j] += row[from + j];
  }
}
