import type { DraftSource, OtherTokens } from '../../dist/src/draft/draft-source.js';
import { Governor } from '../../dist/src/draft/governor.js';
import type { DraftMemory } from '../../dist/src/engine/drafts/draft-memory.js';
import { Speculation } from '../../dist/src/engine/drafts/speculation.js';
import { random } from './random.js';

/*
 * Simulated answers: passes take what a curve says, give or take noise, and drafts are right with a chance. What is
 * counted is what the passes that were chosen take in the mean: luck with the noise is nobody's merit.
 */

export const MOST = 8;

/** ms of a pass over n tokens; `isDrafts`: whether a draft has memory that the cache could use. */
export type Curve = (tokens: number, isDrafts: boolean) => number;

export interface SimulatedModel {
  curve: Curve;
  /** ms of such a pass that are spent waiting for the disk; default none. */
  waits?: Curve;
  readsGrow?: boolean;
  /** The share of the bytes of a pass that the memory of the draft would save; default 0, and no memory moves. */
  rentShare?: number;
  /** ms that the draft takes to load again. */
  loadMs?: number;
  /** Whether the draft has its memory at first; default it has. */
  isHeld?: boolean;
}

export interface SimulatedDraft {
  /** The chance that a token is right, by the number of tokens of the answer so far, and of the answer, from 1. */
  share: (tokens: number, answer: number) => number;
  /** The same as the model's own certainty has it; default what is so. */
  looks?: (tokens: number, answer: number) => number;
  /** ms of a foretold token, and of one that is caught up with; a draft that is free has neither. */
  tokenMs?: number;
  catchUpMs?: number;
  /** The certainty that it states; default one of the middle. */
  certainty?: number;
  /** The chance that another token that it names is right where the first is not; default none is named. */
  otherShare?: number;
  /** That of a draft which is the model itself. */
  kinship?: number;
  /** The chance that it says anything; default 1. */
  speaks?: number;
}

interface Clock {
  /** ms as they are measured, and as they are in the mean. */
  seen: number;
  mean: number;
}

const WRONG = -1;

/** Foretells the numbers of the places, which are the text, with its share of mistakes. */
class SimulatedSource implements DraftSource {
  readonly name: 'lookup' | 'model';
  readonly usualShares: readonly number[];
  readonly usualOtherShares = [0.1];
  readonly others: OtherTokens = { ids: [], certainties: [] };
  readonly tokenMs: number;
  readonly catchUpMs: number;
  readonly certainty: number;
  readonly kinship?: number;
  isReady = true;
  id = 0;
  leftOut = 0;
  readonly #draft: SimulatedDraft;
  readonly #spend: (ms: number) => void;
  readonly #next: () => number;
  #prompt = 0;
  #answer = 0;
  #length = 0;
  #read = 0;
  #foretold = 0;
  #speaks = true;

  constructor(draft: SimulatedDraft, spend: (ms: number) => void, next: () => number) {
    this.#draft = draft;
    this.#spend = spend;
    this.#next = next;
    const { tokenMs = 0, catchUpMs = tokenMs / 4 } = draft;
    this.name = tokenMs > 0 ? 'model' : 'lookup';
    this.usualShares = tokenMs > 0 ? [0.35, 0.5, 0.65, 0.8, 0.9, 0.97] : [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
    this.certainty = draft.certainty ?? 3;
    if (draft.kinship !== undefined) this.kinship = draft.kinship;
    this.tokenMs = tokenMs;
    this.catchUpMs = catchUpMs;
  }

  begin(prompt: readonly number[]): void {
    this.#prompt = prompt.length;
    this.#answer++;
    this.#length = prompt.length;
    this.forget();
  }

  end(): void {}

  forget(): void {
    this.#read = 0;
    this.leftOut = 0;
  }

  push(): void {
    this.#read = Math.min(this.#read, this.#length);
    this.#length++;
    this.#foretold = 0;
    this.#speaks = this.#next() < (this.#draft.speaks ?? 1);
  }

  get lacking(): number {
    return this.tokenMs > 0 ? this.#length - this.#read : 0;
  }

  async catchUp(most: number, atOnce: number): Promise<number> {
    const first = Math.max(0, this.#length - most);
    if (this.#read === this.leftOut || (first === 0 && this.leftOut > 0)) {
      this.leftOut = first;
      this.#read = first;
    }
    const ran = Math.min(this.#length - 1 - this.#read, atOnce);
    this.#read += ran;
    this.#spend(ran * this.catchUpMs);
    return ran;
  }

  foretell(): boolean {
    if (!this.#speaks) return false;
    this.#spend(this.tokenMs);
    const at = this.#length + this.#foretold++;
    this.#read = at;
    const isRight = this.#next() < this.#draft.share(at - this.#prompt, this.#answer);
    this.id = isRight ? at : WRONG;
    const { otherShare } = this.#draft;
    if (otherShare === undefined) return true;
    this.others.ids[0] = !isRight && this.#next() < otherShare ? at : WRONG;
    this.others.certainties[0] = 0;
    return true;
  }
}

export interface Outcome {
  /** ms in the mean after so many tokens, by answer. */
  at: number[][];
  /** Tokens verified, by source. */
  drafted: number[];
  /** Passes during which a draft had memory that the cache could use. */
  passesWithDraft: number;
}

export interface Simulation {
  model: SimulatedModel;
  /** In the order in which they are asked, that which takes time last. */
  drafts: SimulatedDraft[];
  seed: number;
  /** Tokens of each answer, and of each prompt. */
  tokens: number;
  prompt?: number;
  answers?: number;
  /** By this share times vary. */
  noise: number;
}

export async function simulate({ model, drafts, seed, tokens, prompt = 0, answers = 1, noise }: Simulation) {
  const next = random(seed);
  const clock: Clock = { seen: 0, mean: 0 };
  const noisy = (ms: number) => ms * (1 + noise * (2 * next() - 1));
  const spend = (ms: number) => {
    clock.seen += noisy(ms);
    clock.mean += ms;
  };
  const sources = drafts.map((draft) => new SimulatedSource(draft, spend, next));
  const { curve, waits = () => 0, readsGrow = false, rentShare = 0, loadMs = 0, isHeld = true } = model;
  const governor = new Governor({ mostTokens: MOST, readsGrow, sources, rentShare, isHeld });
  const last = sources[sources.length - 1];
  const memory: DraftMemory & { isDrafts: boolean; isFilled: boolean } = {
    isDrafts: isHeld,
    /** The cache reads what it has memory for in the first pass after it got it. */
    isFilled: true,
    loadMs,
    async giveBack() {
      this.isDrafts = last.isReady = this.isFilled = false;
    },
    async take() {
      spend(loadMs);
      this.isDrafts = last.isReady = true;
      last.forget();
    },
  };
  const speculation = new Speculation({
    ...{ sources, governor, takesOthers: true },
    memory: rentShare > 0 ? memory : null,
    now: () => clock.seen,
  });
  last.isReady = isHeld;
  const { share, looks = share } = drafts[drafts.length - 1];
  /** The likeliest and the least likely certainty, mixed so that they say in the mean what the text looks like. */
  const certainty = (tokens: number, answer: number) => (next() < (looks(tokens, answer) - 0.35) / 0.62 ? 5 : 0);
  const outcome: Outcome = { at: [], drafted: sources.map(() => 0), passesWithDraft: 0 };
  for (let answer = 0; answer < answers; answer++) {
    const at = [0];
    outcome.at.push(at);
    const began = clock.mean;
    speculation.begin(new Array<number>(prompt).fill(0), 0, () => false);
    for (let place = prompt; at.length <= tokens; ) {
      const pass = await speculation.pass(place, null, MOST);
      const tokens = pass.ids.length;
      const mean = curve(tokens, memory.isDrafts || !memory.isFilled);
      memory.isFilled = true;
      const ms = noisy(mean);
      clock.mean += mean;
      clock.seen += ms;
      outcome.drafted[governor.chosen] += tokens - 1;
      outcome.passesWithDraft += Number(memory.isDrafts);
      let row = 0;
      let brought = 1;
      for (let next = pass.find(row, place + 1); next >= 0; next = pass.find(row, place + brought)) {
        row = next;
        brought++;
      }
      for (let i = 1; i <= brought; i++) speculation.watch(certainty(place + i - prompt, answer + 1));
      speculation.ran(ms, Math.min(ms, waits(tokens, memory.isDrafts)), row, place + brought);
      place += brought;
      for (let i = 0; i < brought; i++) at.push(clock.mean - began);
    }
  }
  return outcome;
}
