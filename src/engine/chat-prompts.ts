import { checkLength } from '../contract/check-ids.js';
import { withoutEyes } from '../contract/check-pictures.js';
import type { Conversation } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { ChatTemplate } from '../text/chat-template.js';
import type { AnswerForm } from '../text/dialects/dialects.js';
import { heldGrammar } from '../text/held/held-grammar.js';
import { noText } from '../text/ids-only.js';
import { mark, plain } from '../text/jinja/marks.js';
import type { Steps } from '../text/steps.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { expandChat, type PromptEyes } from '../vision/markers.js';
import { type WrittenChat, writeChat } from './write-chat.js';

/** A conversation as the template wrote it out, its ids, and the answer that was generated for it. */
interface Turn {
  chat: ChatTemplate;
  marked: string;
  ids: readonly number[];
  answer: { text: string; tokens: readonly number[] } | null;
}

/** A conversation that is generated from. */
interface Encoded {
  ids: readonly number[];
  /** The number of its turn. */
  turn: number;
  form: AnswerForm | null;
  warnings: readonly string[];
}

/** Conversations that are remembered. Each takes what its text and its ids take. */
const REMEMBERED = 16;

/**
 * Turns conversations into ids. If the template repeats the text of an answer, the answer keeps the ids that it was
 * generated with. Encoded anew, the same text could become other tokens, and their state would have to be computed
 * again.
 */
export class ChatPrompts {
  readonly #tokenizer: Tokenizer;
  readonly #readTemplate: () => string | null;
  readonly #vision: PromptEyes | null;
  /** The template that was last used; compiling one takes time. */
  #compiled: { source: string; template: ChatTemplate } | null = null;
  /** By their numbers, the oldest first. */
  readonly #turns = new Map<number, Turn>();
  #nextTurn = 1;

  /** `readTemplate` gives the model's own template, null if it has none; `vision` is null for a model without eyes. */
  constructor(tokenizer: Tokenizer, readTemplate: () => string | null, vision: PromptEyes | null) {
    this.#tokenizer = tokenizer;
    this.#readTemplate = readTemplate;
    this.#vision = vision;
  }

  /**
   * A conversation as text, for the eye. Throws UNSUPPORTED if there is no template, and what `ChatTemplate.render`
   * throws.
   */
  render(conversation: Conversation): string {
    return this.#write(conversation).text;
  }

  /** The number of ids that a conversation comes to. Throws as `encode` does, but for the length. */
  *count(conversation: Conversation): Steps<number> {
    const { chat, marked, form } = this.#write(conversation);
    if (form?.held) heldGrammar(form.held, { type: 'text' });
    yield;
    return (yield* this.#idsOf(marked, chat)).length;
  }

  /**
   * A conversation that is generated from, and the number of its turn. Throws as `render` does, CONTEXT_OVERFLOW at
   * once for one that is far too long, and UNSUPPORTED or BAD_USAGE for the schema of a tool that cannot be kept and
   * has to.
   */
  *encode({ contextSize, ...conversation }: Conversation & { contextSize: number }): Steps<Encoded> {
    const { chat, text, marked, form, warnings } = this.#write(conversation);
    checkLength(text, contextSize, this.#tokenizer.longestToken);
    const unkept = form?.held ? heldGrammar(form.held, { type: 'text' }).warnings : [];
    yield;
    const ids = yield* this.#idsOf(marked, chat);
    const turn = this.#nextTurn++;
    this.#turns.set(turn, { chat, marked, ids, answer: null });
    if (this.#turns.size > REMEMBERED) this.#turns.delete(this.#turns.keys().next().value!);
    return { ids, turn, form, warnings: [...warnings, ...unkept] };
  }

  /**
   * The ids of a turn that was encoded before an answer came that it goes on from; null where they stay as they are.
   */
  *reconsider(number: number): Steps<readonly number[] | null> {
    const turn = this.#turns.get(number);
    const ids = turn && (yield* this.#continued(turn.marked, turn.chat));
    if (!ids) return null;
    turn.ids = ids;
    return ids;
  }

  /** Notes the answer to a turn. */
  answered(turn: number, answer: { text: string; tokens: readonly number[] }): void {
    const noted = this.#turns.get(turn);
    if (noted) noted.answer = answer;
  }

  #write(conversation: Conversation): WrittenChat {
    const written = writeChat(this.#compile(conversation.template), conversation);
    const { pictures } = conversation;
    if (this.#vision === null) {
      if (pictures.length > 0) throw withoutEyes();
      return written;
    }
    // Without pictures a marker is the template's own business.
    if (pictures.length === 0) return written;
    const marked = expandChat(written.marked, pictures, this.#vision);
    return { ...written, marked, text: plain(marked) };
  }

  #compile(given: string | null): ChatTemplate {
    const { idsOnly } = this.#tokenizer;
    if (idsOnly !== null) throw noText(idsOnly);
    const source = given ?? this.#readTemplate();
    if (source === null)
      throw new FlashrowError(
        'UNSUPPORTED',
        'the model has no chat template; give one as `template`, or write the conversation out as a prompt',
        { option: 'template' },
      );
    if (this.#compiled?.source !== source)
      this.#compiled = { source, template: new ChatTemplate(source, this.#tokenizer) };
    return this.#compiled.template;
  }

  *#idsOf(marked: string, chat: ChatTemplate): Steps<readonly number[]> {
    return (yield* this.#continued(marked, chat)) ?? (yield* chat.encoding(marked));
  }

  /**
   * The ids of an earlier turn and its answer, then those of the rest; of the turn that says most of it. Null unless
   * `marked` repeats both to the letter and goes on with a special token.
   */
  *#continued(marked: string, chat: ChatTemplate): Steps<readonly number[] | null> {
    let longest: { turn: Turn; tokens: readonly number[]; length: number } | null = null;
    for (const turn of this.#turns.values()) {
      if (!turn.answer || !marked.startsWith(turn.marked)) continue;
      const { text, tokens } = turn.answer;
      const answer = mark(text);
      const length = turn.marked.length + answer.length;
      if (longest && longest.length >= length) continue;
      if (!marked.startsWith(answer, turn.marked.length)) continue;
      if (!this.#tokenizer.startsWithSpecial(marked.slice(length))) continue;
      if (spelled(tokens, this.#tokenizer) === text) longest = { turn, tokens, length };
    }
    if (!longest) return null;
    const rest = yield* chat.encodingPart(marked.slice(longest.length));
    return [...longest.turn.ids, ...longest.tokens, ...rest];
  }
}

/** The text of `tokens` as generation spells it: without the rules for the beginning of a text. */
const spelled = (tokens: readonly number[], tokenizer: Tokenizer): string =>
  Buffer.concat(tokens.map((id) => tokenizer.bytes(id))).toString('utf8');
