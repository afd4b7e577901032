import { FlashrowError } from '../errors.js';
import type { ChatMessage, ContentPart } from './chat-message.js';
import { encodeMarked } from './encode-marked.js';
import { Failure, ReadAsText, Refusal, TooMuch, Unsupported } from './jinja/failures.js';
import { JinjaTemplate } from './jinja/jinja-template.js';
import { plain } from './jinja/marks.js';
import type { Value } from './jinja/values.js';
import { finished, type Steps } from './steps.js';
import { givenVariables, messageValues } from './template-input.js';
import { unreadInput } from './template-warnings.js';
import type { Tokenizer } from './tokenizer.js';

export type { ChatMessage, ContentPart, MessageInput } from './chat-message.js';

/** A conversation as the model reads it. */
export interface ChatPrompt {
  /** As the template wrote it out, for people to read. */
  text: string;
  /** With BOS where the vocabulary asks for it. */
  ids: readonly number[];
  /** What was given and changed nothing, a sentence each. */
  warnings: readonly string[];
}

/** What a template made of a conversation. `marked` tells users' texts from the template's own (jinja/marks.ts). */
export type Rendered = Omit<ChatPrompt, 'ids'> & { marked: string };

type Variables = Readonly<Record<string, unknown>>;

/** A text that no template has. */
const PROBE = 'Is this seen? 7f3a';
const inParts = (text: string): ContentPart[] => [{ type: 'text', text }];

/** A model's chat template (Jinja, as in tokenizer_config.json). It needs no engine, and keeps nothing of a call. */
export class ChatTemplate {
  readonly #template: JinjaTemplate;
  readonly #tokenizer: Tokenizer;
  /** What it is made from. */
  readonly source: string;
  /** All that the template could write. */
  readonly #literals: string;
  /** Whether it sees texts in parts alone, as templates of models with eyes often do; null before that was tried. */
  #textsInParts: boolean | null = null;

  /** Throws UNSUPPORTED where the template cannot be read. */
  constructor(source: string, tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.source = source;
    try {
      this.#template = new JinjaTemplate(source);
    } catch (cause) {
      throw new FlashrowError('UNSUPPORTED', `the chat template cannot be read: it has ${said(cause)}`, {}, { cause });
    }
    this.#literals = [...this.#template.texts].join('\0');
  }

  /** Names of variables and of fields that the template reads. */
  get reads(): { names: ReadonlySet<string>; texts: ReadonlySet<string> } {
    return this.#template;
  }

  /** The conversation as text and ids, up to the start of the assistant's answer. Throws what `render` throws. */
  apply(messages: readonly ChatMessage[], variables: Variables = {}): ChatPrompt {
    const { text, marked, warnings } = this.render(messages, variables);
    return { text, ids: finished(this.encoding(marked)), warnings };
  }

  /**
   * Throws BAD_USAGE with the template's own words where it refuses the messages, UNSUPPORTED where it uses what is not
   * built here, or fails on them.
   */
  render(messages: readonly ChatMessage[], variables: Variables = {}, now: Date = new Date()): Rendered {
    const draw = (drawn: readonly ChatMessage[], given: Variables) =>
      this.#render(this.#asSeen(drawn, now), given, now);
    const marked = draw(messages, variables);
    const warnings = unreadInput(this.#template, messages, variables, (others) => draw(others, variables) !== marked);
    return { text: plain(marked), marked, warnings };
  }

  /**
   * The ids of what `render` marked, in steps. BOS comes once: some templates write it, others leave it to the
   * tokenizer.
   */
  *encoding(marked: string): Steps<readonly number[]> {
    const { bosId, addBos } = this.#tokenizer;
    const ids = yield* this.encodingPart(marked);
    return addBos && bosId !== null && ids[0] !== bosId ? [bosId, ...ids] : ids;
  }

  /** The ids of a part of what `render` marked. Throws UNSUPPORTED where a message's text would be a control token. */
  *encodingPart(marked: string): Steps<readonly number[]> {
    return yield* encodeMarked(marked, this.#literals, this.#tokenizer);
  }

  /** Messages whose texts the template sees: some go through a list of parts, and would drop a text without a word. */
  #asSeen(messages: readonly ChatMessage[], now: Date): readonly ChatMessage[] {
    this.#textsInParts ??= !this.#shows(PROBE, now) && this.#shows(inParts(PROBE), now);
    if (!this.#textsInParts) return messages;
    return messages.map((message) =>
      typeof message.content === 'string' && message.content !== ''
        ? { ...message, content: inParts(message.content) }
        : message,
    );
  }

  /** Whether what a user says is in what the template writes; false where it fails on it. */
  #shows(content: ChatMessage['content'], now: Date): boolean {
    try {
      return plain(this.#render([{ role: 'user', content }], {}, now)).includes(PROBE);
    } catch {
      return false;
    }
  }

  /** Content in parts stays a list where the template goes through it, and is one text where it reads a text. */
  #render(messages: readonly ChatMessage[], variables: Variables, now: Date): string {
    const joined = new Set<number>();
    for (;;) {
      const { values, parts } = messageValues(messages, joined);
      const join = (at: Iterable<number>) => {
        for (const index of at) joined.add(index);
      };
      try {
        const marked = this.#template.render(this.#variables(values, variables), now);
        const unseen = [...parts].filter(([, list]) => !list.visited).map(([at]) => at);
        if (unseen.length === 0) return marked;
        join(unseen);
      } catch (error) {
        const read = error instanceof ReadAsText ? [...parts].find(([, list]) => list === error.parts) : undefined;
        if (read) join([read[0]]);
        else if (parts.size > 0 && !(error instanceof Unsupported)) join(parts.keys());
        else throw failure(error);
      }
    }
  }

  #variables(messages: Value, variables: Variables): Map<string, Value> {
    const { bosId, eosIds } = this.#tokenizer;
    return new Map<string, Value>([
      ['tools', null],
      ['documents', null],
      ['add_generation_prompt', true],
      ['bos_token', bosId === null ? '' : this.#tokenizer.token(bosId)],
      ['eos_token', eosIds.length === 0 ? '' : this.#tokenizer.token(eosIds[0])],
      ...givenVariables(variables),
      ['messages', messages],
    ]);
  }
}

function failure(cause: unknown): unknown {
  if (cause instanceof Refusal)
    return new FlashrowError('BAD_USAGE', `the chat template refuses these messages: ${said(cause)}`, {}, { cause });
  if (cause instanceof TooMuch)
    return new FlashrowError('UNSUPPORTED', `the chat template ${said(cause)}`, {}, { cause });
  if (cause instanceof Unsupported)
    return new FlashrowError(
      'UNSUPPORTED',
      `the chat template uses ${said(cause)}, which is not supported`,
      {},
      { cause },
    );
  // A template that calls itself without end overflows the stack.
  if (cause instanceof Failure || cause instanceof RangeError)
    return new FlashrowError('UNSUPPORTED', `the chat template fails on these messages: ${said(cause)}`, {}, { cause });
  return cause;
}

const said = (error: unknown) => (error instanceof Error ? error.message : String(error));
