import type { Foreseen } from '../draft/draft-source.js';
import { Automaton, COMPLETE, DEAD, type StackId, type StateId } from './automaton.js';
import { Foresight } from './foresight.js';
import type { Grammar, NodeId } from './grammar.js';
import { allow, type TokenTable } from './token-table.js';
import type { TokenTrie } from './token-trie.js';

/** Masks that are kept, each of a bit for each token. */
const KEPT_MASKS = 64;

/** A language that an answer has to keep. It is made once, and serves any number of answers. */
export interface AnswerGrammar {
  grammar: Grammar;
  root: NodeId;
  /** The node of a character in a JSON string. */
  character: NodeId | null;
  /** Whether it has a place for reasoning. Default false: it begins once reasoning has ended. */
  holdsReasoning?: boolean;
}

/**
 * Tells which tokens may come next, so that the answer stays the beginning of a text of the grammar. Masks are found as
 * they are needed: by a walk through the vocabulary that leaves out what begins with a byte that cannot come.
 */
export class Constraint {
  readonly holdsReasoning: boolean;
  readonly #tokens: TokenTable;
  readonly #automaton: Automaton;
  #state: StateId;
  /** Per depth of a walk the state there. */
  readonly #walk: Int32Array;
  readonly #masks = new Map<StackId, Uint32Array>();
  readonly #mask: Uint32Array;
  readonly #foresight: Foresight;

  constructor({ grammar, root, character, holdsReasoning = false }: AnswerGrammar, tokens: TokenTable) {
    this.holdsReasoning = holdsReasoning;
    this.#tokens = tokens;
    this.#automaton = new Automaton(grammar, character);
    this.#state = this.#automaton.start(root);
    this.#walk = new Int32Array(tokens.all.longest + 1);
    this.#mask = new Uint32Array(tokens.words);
    this.#foresight = new Foresight(this.#automaton, tokens.all);
  }

  /** Whether the answer may end here. */
  get complete(): boolean {
    return this.#automaton.isComplete(this.#state);
  }

  /** A bit for each token that may come next. The array is used again. */
  allowed(): Uint32Array {
    this.#state = this.#automaton.trim(this.#state);
    this.#mask.fill(0);
    for (const stack of this.#automaton.stacksOf(this.#state)) this.#addTokensOf(stack);
    return this.#mask;
  }

  /** Takes the bytes of a token. False where they cannot come: then nothing was taken. */
  take(bytes: Uint8Array): boolean {
    let state = this.#state;
    for (const byte of bytes) {
      state = this.#automaton.step(state, byte);
      if (state === DEAD) return false;
    }
    this.#state = state;
    this.#foresight.saw(bytes);
    return true;
  }

  /** The next tokens, as far as they have to come or are likely, `most` at most. Valid until the next call. */
  foresee(most: number): Foreseen {
    this.#state = this.#automaton.trim(this.#state);
    return this.#foresight.look(this.#state, most);
  }

  #addTokensOf(stack: StackId): void {
    if (stack === COMPLETE) return;
    const characters = this.#automaton.charactersAt(stack);
    if (characters === null) {
      join(
        this.#mask,
        this.#kept(stack, () => this.#tokensFrom(stack, this.#tokens.all)),
      );
      return;
    }
    join(this.#mask, this.#tokens.plain(characters));
    const others = () => this.#tokensFrom(stack, this.#tokens.others);
    // Where characters are counted, each stack comes once.
    join(this.#mask, characters === Number.POSITIVE_INFINITY ? this.#kept(stack, others) : others());
  }

  #kept(stack: StackId, make: () => Uint32Array): Uint32Array {
    const known = this.#masks.get(stack);
    if (known) return known;
    if (this.#masks.size === KEPT_MASKS) this.#masks.delete(this.#masks.keys().next().value!);
    const mask = make();
    this.#masks.set(stack, mask);
    return mask;
  }

  #tokensFrom(stack: StackId, { bytes, depths, ends, firstIds, ids }: TokenTrie): Uint32Array {
    const mask = new Uint32Array(this.#tokens.words);
    const walk = this.#walk;
    walk[0] = this.#automaton.only(stack);
    for (let node = 0; node < bytes.length; ) {
      const depth = depths[node];
      const state = this.#automaton.step(walk[depth - 1], bytes[node]);
      if (state === DEAD) {
        node = ends[node];
        continue;
      }
      walk[depth] = state;
      node++;
      for (let i = firstIds[node - 1]; i < firstIds[node]; i++) allow(mask, ids[i]);
    }
    return mask;
  }
}

function join(mask: Uint32Array, other: Uint32Array): void {
  for (let word = 0; word < mask.length; word++) mask[word] |= other[word];
}
