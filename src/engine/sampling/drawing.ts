import type { EndedBy } from '../../contract/generation.js';
import type { GenerateSettings } from '../../contract/protocol.js';
import type { TokenLogprob } from '../../contract/token-logprob.js';
import type { Foreseen } from '../../draft/draft-source.js';
import type { Constraint } from '../../grammar/constraint.js';
import type { Written } from '../../text/dialects/dialect.js';
import type { TokenSpelling } from '../../text/tokenizer.js';
import type { AnswerWriter } from '../answer-writer.js';
import { Sampler } from '../sampler.js';
import { allowedTokens } from './allowed-tokens.js';
import { breaksSequence } from './dry.js';
import { tableBytes } from './table-bytes.js';
import { TokenLogprobs } from './token-logprobs.js';

/** What an answer is drawn by. */
export interface DrawingParts {
  answer: AnswerWriter;
  spelling: TokenSpelling;
  /** What the answer has to keep, once reasoning has ended; null where any text will do. */
  constraint: Constraint | null;
  /** What lets nothing come but one of some texts. */
  closing: (texts: readonly Written[]) => Constraint;
  vocabSize: number;
  contextSize: number;
}

/**
 * Draws the tokens of an answer, one after the other, each from the logits of its position, and finds where the answer
 * ends. It does not know how the logits came about: a token that was drafted and one that was not are drawn alike, with
 * the same random numbers in the same order.
 */
export class Drawing {
  readonly tokens: number[] = [];
  /** Of the tokens that were drawn; null where nobody asked. */
  readonly logprobs: TokenLogprob[] | null;
  /** Why it ended; null as long as it goes on. */
  endedBy: EndedBy | null = null;
  readonly #maxTokens: number;
  readonly #maxReasoningTokens: number;
  /** What ends the reasoning, as long as it is written because there was enough of it. */
  #closing: Constraint | null = null;
  readonly #parts: DrawingParts;
  readonly #eosIds: ReadonlySet<number>;
  readonly #sampler: Sampler;
  readonly #scores: TokenLogprobs | null;
  /** The prompt and what was drawn. */
  readonly #history: number[];

  constructor(prompt: readonly number[], settings: GenerateSettings, parts: DrawingParts) {
    const { spelling, vocabSize } = parts;
    const { maxTokens, topLogprobs, ignoreEos } = settings;
    const masked = [...spelling.suppressedIds, ...(ignoreEos ? spelling.eosIds : [])];
    const breaks = (id: number) => breaksSequence(spelling.bytes(id));
    this.#maxTokens = maxTokens;
    this.#maxReasoningTokens = settings.maxReasoningTokens;
    this.#parts = parts;
    this.#eosIds = new Set(spelling.eosIds);
    this.#sampler = new Sampler({ ...settings, vocabSize, masked, breaks });
    this.#scores = topLogprobs === null ? null : new TokenLogprobs(topLogprobs, vocabSize, spelling);
    this.logprobs = this.#scores && [];
    this.#history = [...prompt];
  }

  /** Tokens that may come yet. */
  get left(): number {
    return Math.min(this.#maxTokens - this.tokens.length, this.#parts.contextSize - this.#history.length + 1);
  }

  /**
   * The tokens that come after those that were drawn, as far as the format leaves no choice or hardly one, `most` at
   * most; null where it says nothing. They are drawn like all others. Valid until the next call.
   */
  foresee(most: number): Foreseen | null {
    const { answer, constraint } = this.#parts;
    if (constraint === null || most < 1 || answer.reasons || this.#closing !== null) return null;
    return constraint.foresee(most);
  }

  /**
   * Draws a token from its logits[vocabSize], which it may change. Returns the token that has to run next; null once
   * the answer has ended. Throws what `Sampler.next` throws, and UNSUPPORTED where a constraint cannot be kept.
   */
  next(logits: Float32Array): number | null {
    this.endedBy = this.tokens.length >= this.#maxTokens ? 'maxTokens' : null;
    const id = this.endedBy === null ? this.#draw(logits) : null;
    return this.endedBy === null ? id : null;
  }

  #draw(logits: Float32Array): number | null {
    const { answer, constraint, contextSize } = this.#parts;
    const { tokens } = this;
    const isFree = this.#isFree;
    const keeps = isFree ? null : constraint;
    const allowed = this.#closingTokens(keeps) ?? (keeps && allowedTokens(keeps, this.#eosIds));
    if (allowed === 'none') {
      this.endedBy = 'endToken';
      return null;
    }
    this.#scores?.see(logits);
    // What has to come after the reasoning is still to come.
    if (isFree && constraint?.complete === false) for (const id of this.#eosIds) logits[id] = Number.NEGATIVE_INFINITY;
    const id = this.#sampler.next(logits, this.#history, allowed);
    if (this.#eosIds.has(id)) {
      answer.pushEnd(id, tokens[tokens.length - 1]);
      this.endedBy = answer.stopped ? 'stop' : 'endToken';
      return null;
    }
    this.#take(id);
    if (answer.stopped) this.endedBy = 'stop';
    else if (tokens.length === this.#maxTokens) this.endedBy = 'maxTokens';
    else if (this.#history.length > contextSize) this.endedBy = 'contextSize';
    return id;
  }

  /** Whether the next token is one of reasoning that nothing holds. */
  get #isFree(): boolean {
    const { answer, constraint } = this.#parts;
    return answer.reasons && constraint?.holdsReasoning !== true;
  }

  #take(id: number): void {
    const { answer, constraint, spelling } = this.#parts;
    const isFree = this.#isFree;
    this.tokens.push(id);
    this.#history.push(id);
    const logprob = this.#scores?.of(id) ?? null;
    if (logprob) this.logprobs!.push(logprob);
    answer.push(id, logprob);
    if (!isFree) constraint?.take(tableBytes(id, spelling));
    // The token that ended the reasoning may have brought the beginning of the answer.
    else if (!answer.reasons) constraint?.take(Buffer.from(answer.begun));
    this.#closing?.take(tableBytes(id, spelling));
    if (this.#closing?.complete) this.#closing = null;
  }

  /** Where there was enough reasoning, the tokens that end it; null where any may come. */
  #closingTokens(keeps: Constraint | null): Uint32Array | null {
    const { answer, closing } = this.#parts;
    if (answer.reasons && answer.reasoningTokens >= this.#maxReasoningTokens)
      this.#closing ??= closing(answer.closings);
    const allowed = this.#closing?.allowed() ?? null;
    if (allowed && keeps) {
      const kept = keeps.allowed();
      for (let word = 0; word < allowed.length; word++) allowed[word] &= kept[word];
    }
    return allowed;
  }
}
