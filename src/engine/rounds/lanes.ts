import type { Mixer } from '../mixer.js';
import { beforePicture } from '../pictures/picture-ids.js';
import { commonLength, type Sequence, Sequences } from '../state/sequences.js';
import type { Sessions } from '../state/sessions.js';
import type { HeldState, LoadHeld } from '../state/state-file.js';
import { Lane, type LaneParts } from './lane.js';
import type { Caller } from './rounds.js';

/** What lanes are made of. */
export interface LanesParts extends Omit<LaneParts, 'sequences'> {
  /** Sequences whose state is held side by side; the mixer has as many. */
  count: number;
  /** Where conversations go that leave memory; null where they are forgotten. */
  sessions: Sessions | null;
}

/** The sequences whose state is held, and who goes on with them. At most one lane of each at a time. */
export class Lanes {
  readonly #parts: LaneParts;
  readonly #mixer: Mixer;
  readonly #sequences: Sequences;
  readonly #sessions: Sessions | null;

  constructor({ count, sessions, ...parts }: LanesParts) {
    this.#sequences = new Sequences(count, (sequence) => this.#keep(sequence));
    this.#parts = { ...parts, sequences: this.#sequences };
    this.#mixer = parts.mixer;
    this.#sessions = sessions;
  }

  /** How many calls have a lane. */
  get taken(): number {
    let calls = 0;
    for (const { busy } of this.#sequences.all) if (busy) calls++;
    return calls;
  }

  /**
   * Goes on with the sequence that a prompt suits (state/sequences.ts), and keeps the state of the longest prefix that
   * they have in common: the lane's `position`. It never keeps all of `ids`: the last token has to run to give logits.
   * A mixer that cannot go back that far keeps less. `key` names the conversation; null where nobody named it.
   */
  reuse(ids: readonly number[], key: string | null, caller: Caller): Lane {
    const { sequence, copied, common } = this.#sequences.choose(ids, key);
    const lane = this.#take(sequence, caller);
    const isRestored = this.#sessions?.restore(ids, common, (...state) => this.#load(sequence, ...state)) ?? false;
    if (copied && !isRestored) {
      sequence.ids.length = 0;
      this.#mixer.copy(copied.index, sequence.index, common);
      for (let i = 0; i < common; i++) sequence.ids.push(copied.ids[i]);
    }
    lane.rewind(commonLength(sequence.ids, ids));
    // A mixer that cannot go back to everywhere may have stopped within a picture.
    while (beforePicture(ids, lane.position) < lane.position) lane.rewind(beforePicture(ids, lane.position));
    return lane;
  }

  /** Goes on with an empty sequence: one that is, or the one that was used longest ago. */
  begin(caller: Caller): Lane {
    const lane = this.#take(this.#sequences.oldest(), caller);
    lane.rewind(0);
    return lane;
  }

  /** The state of the sequence that was used last. */
  get last(): HeldState {
    return this.#heldBy(this.#sequences.last);
  }

  /**
   * Reads a state into an empty sequence, or that which was used longest ago. Throws what `read` and `check` throw, or
   * CORRUPT; the sequence is then empty. `check` is called when all was read.
   */
  load: LoadHeld = (ids, read, check) => {
    const sequence = this.#sequences.oldest();
    this.#sequences.take(sequence);
    sequence.busy = false;
    this.#load(sequence, ids, read, check);
  };

  /** Has all conversations that are in memory kept. */
  keepAll(): void {
    for (const sequence of this.#sequences.all) if (sequence.prompt !== Number.POSITIVE_INFINITY) this.#keep(sequence);
  }

  #take(sequence: Sequence, caller: Caller): Lane {
    this.#sequences.take(sequence);
    return new Lane(this.#parts, sequence, caller);
  }

  #load(sequence: Sequence, ...[ids, read, check]: Parameters<LoadHeld>): void {
    sequence.ids.length = 0;
    this.#mixer.rewind(sequence.index, 0);
    try {
      this.#mixer.load(sequence.index, ids.length, read);
      check();
    } catch (error) {
      this.#mixer.rewind(sequence.index, 0);
      throw error;
    }
    for (const id of ids) sequence.ids.push(id);
  }

  #keep(sequence: Sequence): void {
    const { ids, save } = this.#heldBy(sequence);
    this.#sessions?.keep(ids, save);
  }

  #heldBy({ index, ids }: Sequence): HeldState {
    return { ids, save: (write) => this.#mixer.save(index, ids.length, write) };
  }
}
