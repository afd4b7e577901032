import { beforePicture } from '../pictures/picture-ids.js';

/** A sequence of tokens whose state is held. */
export interface Sequence {
  /** Its number, by which the mixer knows its state. */
  readonly index: number;
  /** Ids whose state is held, in order. */
  readonly ids: number[];
  /** The name that a caller gave the conversation; null without one. */
  key: string | null;
  /** The end of the turn before the last prompt; 0 where the last prompt was the first one. */
  turn: number;
  /** Where the last prompt ends; Infinity before the first one. */
  prompt: number;
  /** Rises with every use. */
  used: number;
  /** Whether a call goes on with it right now. */
  busy: boolean;
}

/** Where a prompt goes on. */
export interface Choice {
  sequence: Sequence;
  /** Another sequence whose beginning the prompt shares, and that goes on by itself; null where there is none. */
  copied: Sequence | null;
  /** Tokens that the prompt shares with `copied`, or else with `sequence`. */
  common: number;
}

/** A prompt that shares fewer tokens with a sequence runs from its beginning: a copy takes time, too. */
const LEAST_COPIED = 16;
/** The turns of a conversation that begins. */
const NEW = { turn: 0, prompt: Number.POSITIVE_INFINITY };
/** A template may write the last tokens of a turn otherwise, once the conversation goes on. */
const RETOLD = 8;

/**
 * Finds where a prompt goes on. A prompt that takes a sequence up at its end, or parts from it in its last turn, is the
 * same conversation, and so is one with the same key. Any other takes an empty sequence, or else the one that was used
 * longest ago, and a copy of what it shares with another one. A sequence that a call goes on with is left to it, and
 * may be copied: one at least has to be free.
 */
export class Sequences {
  readonly all: readonly Sequence[];
  readonly #onEvict: (sequence: Sequence) => void;
  #uses = 0;

  /** `onEvict` is told of a conversation just before another one, or something else, takes its place. */
  constructor(count: number, onEvict: (sequence: Sequence) => void = () => {}) {
    this.#onEvict = onEvict;
    this.all = Array.from({ length: count }, (_, index) => ({
      index,
      ids: [],
      key: null,
      ...NEW,
      used: 0,
      busy: false,
    }));
  }

  /** The sequence for a prompt. Of `ids` the last one never counts as shared: it has to run to give logits. */
  choose(ids: readonly number[], key: string | null): Choice {
    const shared = this.all.map((sequence) => commonLength(sequence.ids, ids));
    const best = this.all.reduce((one, other) =>
      shared[other.index] > shared[one.index] || (shared[other.index] === shared[one.index] && other.used > one.used)
        ? other
        : one,
    );
    const named = key === null ? undefined : this.#free().find((sequence) => sequence.key === key);
    const isBest = key === null && !best.busy && continues(best, shared[best.index]);
    const sequence = named ?? (isBest ? best : this.oldest());
    if (named && !continues(named, shared[named.index])) this.#evict(named);
    const copies = sequence !== best && shared[best.index] >= shared[sequence.index] + LEAST_COPIED;
    sequence.key ??= key;
    return { sequence, copied: copies ? best : null, common: shared[copies ? best.index : sequence.index] };
  }

  /** An empty sequence, or the one that was used longest ago, for a conversation that begins. */
  oldest(): Sequence {
    const rank = ({ ids, used }: Sequence) => (ids.length === 0 ? 0 : used);
    const sequence = this.#free().reduce((one, other) => (rank(other) < rank(one) ? other : one));
    this.#evict(sequence);
    return Object.assign(sequence, NEW, { key: null });
  }

  /** Gives a sequence to a call, until it is no longer `busy`. */
  take(sequence: Sequence): void {
    sequence.used = ++this.#uses;
    sequence.busy = true;
  }

  /** The one that was taken last. */
  get last(): Sequence {
    return this.all.reduce((one, other) => (other.used > one.used ? other : one));
  }

  /** What only a score has used is no conversation. */
  #evict(sequence: Sequence): void {
    if (sequence.ids.length > 0 && sequence.prompt !== Number.POSITIVE_INFINITY) this.#onEvict(sequence);
  }

  #free(): readonly Sequence[] {
    return this.all.filter(({ busy }) => !busy);
  }

  /** Notes that a prompt of `end` tokens goes on from what is held. */
  prompt(sequence: Sequence, end: number): void {
    const { length } = sequence.ids;
    // A prompt that parts from the last one within it tells the same turn again.
    if (length <= sequence.turn || length >= sequence.prompt) sequence.turn = length;
    sequence.prompt = end;
  }
}

/** Whether a prompt that shares `common` tokens with a sequence is the same conversation. */
const continues = ({ ids, turn }: Sequence, common: number): boolean =>
  ids.length > 0 && (common >= ids.length - RETOLD || (turn > 0 && common >= turn));

/** The tokens of a prompt that are held; never all of them, as the last one has to run to give logits. */
export function commonLength(held: ArrayLike<number>, ids: readonly number[]): number {
  let common = 0;
  while (common < held.length && common < ids.length - 1 && held[common] === ids[common]) common++;
  return beforePicture(ids, common);
}
