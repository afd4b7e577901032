import type { Piece, ToolCall } from '../contract/piece.js';
import type { TokenLogprob } from '../contract/token-logprob.js';
import type { ChannelMarks } from '../text/channels.js';
import { newCallId } from '../text/dialects/call-id.js';
import type { AnswerPart, DialectReader, Written, WrittenCall } from '../text/dialects/dialect.js';
import { type AnswerForm, answerReader } from '../text/dialects/dialects.js';
import { StopScanner } from '../text/stop-strings.js';
import { StreamDecoder } from '../text/stream-decoder.js';
import type { TokenSpelling } from '../text/tokenizer.js';

/** What an answer is written by. */
export interface WriterParts {
  stop: readonly string[];
  spelling: TokenSpelling;
  /** The marks of the vocabulary's channels; null where it has none. */
  channels: ChannelMarks | null;
  /** How the answer is written, where the chat template shows it. Else channels alone are told apart. */
  form: AnswerForm | null;
}

/** Tokens at the end of a prompt in which a template may have begun the answer. */
const PROMPT_END = 64;

/**
 * Makes text of generated tokens, piece by piece, up to a stop text. Reasoning and calls of tools come apart where it
 * is known how they are written.
 */
export class AnswerWriter {
  /** What was released so far. */
  text = '';
  reasoning = '';
  /** Tokens of reasoning so far. */
  reasoningTokens = 0;
  /** What the last token brought of the answer, where it ended the reasoning. */
  begun = '';
  readonly toolCalls: ToolCall[] = [];
  readonly #spelling: TokenSpelling;
  readonly #onPiece: (piece: Piece) => void;
  readonly #decoder = new StreamDecoder();
  readonly #scanner: StopScanner;
  /** Of the token at hand, as long as no piece has told it. */
  #logprob: TokenLogprob | null = null;
  /** Whether the next piece is the first of its token. */
  #isFirst = false;
  readonly #form: AnswerForm | null;
  readonly #reader: DialectReader | null;

  constructor(prompt: readonly number[], parts: WriterParts, onPiece: (piece: Piece) => void) {
    const { stop, spelling, channels } = parts;
    this.#spelling = spelling;
    this.#onPiece = onPiece;
    this.#scanner = new StopScanner(stop);
    this.#form = parts.form ?? (channels && { dialect: 'harmony', tools: null, begun: '', held: null });
    this.#reader = this.#form && answerReader(this.#form.dialect, endOf(prompt, parts), this.#form.tools);
    if (this.#form) this.#reader?.push(this.#form.begun);
  }

  /** Whether the next token is one of reasoning. */
  get reasons(): boolean {
    return this.#reader?.mode === 'reasoning';
  }

  /** What ends the reasoning that goes on, one of these. */
  get closings(): readonly Written[] {
    return this.#reader?.closings ?? [];
  }

  /** True from the token on that completed a stop text. */
  get stopped(): boolean {
    return this.#scanner.stopped;
  }

  get stopText(): string | null {
    return this.#scanner.stopText;
  }

  /** Takes a token. There is a piece for each, or several, of which the first tells `logprob`. */
  push(id: number, logprob: TokenLogprob | null = null): void {
    this.#logprob = logprob;
    this.#isFirst = true;
    this.begun = '';
    const bytes = this.#spelling.bytes(id);
    const text = this.#decoder.push(bytes);
    // A special token is no text, but a stop text may name it, and the dialect.
    const special = bytes.length === 0 ? this.#spelling.token(id) : null;
    // A character that was never completed comes before the mark, not behind it.
    if (special !== null && this.#reader?.takes(special))
      this.#take([...this.#reader.push(this.#decoder.end()), ...this.#reader.push(special)], id);
    if (special !== null) this.#release(this.#scanner.pushSpecial(special).text, id);
    else if (!this.#reader) this.#release(this.#scanner.push(text).text, id);
    else if (!this.#take(this.#reader.push(text), id)) this.#emit({ type: this.#reader.mode, text: '', token: id });
  }

  /** Takes the token that ends the generation. There is no piece for it. `last` is the token before. */
  pushEnd(id: number, last: number): void {
    const special = this.#spelling.token(id);
    if (this.#reader) {
      const parts = this.#reader.push(this.#decoder.end());
      if (this.#reader.takes(special)) parts.push(...this.#reader.push(special));
      this.#take([...parts, ...this.#reader.end()], last);
    }
    const { text } = this.#scanner.pushSpecial(special);
    if (text !== '') this.#release(text, last);
  }

  /** Releases what was held back. `last` is the last token. True where that completed a stop text. */
  end(last: number): boolean {
    if (this.#scanner.stopped) return false;
    const rest = this.#decoder.end();
    if (this.#reader) this.#take([...this.#reader.push(rest), ...this.#reader.end()], last);
    if (this.#scanner.stopped) return true;
    const scan = this.#scanner.push(this.#reader ? '' : rest);
    const text = scan.text + (scan.stopped ? '' : this.#scanner.end());
    if (text !== '') this.#release(text, last);
    return scan.stopped;
  }

  /** False where there is no piece. */
  #take(parts: readonly AnswerPart[], token: number): boolean {
    const lastReasoning = parts.findLastIndex(({ type }) => type === 'reasoning');
    const text = parts.slice(lastReasoning + 1).map((part) => (part.type === 'text' ? part.text : ''));
    this.begun = text.join('') + this.#reader!.pending;
    for (const part of parts) {
      if (this.#scanner.stopped) break;
      if (part.type === 'text') this.#release(this.#scanner.push(part.text).text, token);
      else if (part.type === 'reasoning') this.#reason(part.text, token);
      else this.#call(part.call, token);
    }
    return parts.length > 0;
  }

  #release(text: string, token: number): void {
    this.text += text;
    this.#emit({ type: 'text', text, token });
  }

  #reason(text: string, token: number): void {
    this.reasoning += text;
    this.#emit({ type: 'reasoning', text, token });
  }

  #call({ name, arguments: given, id = newCallId(this.#form!.dialect) }: WrittenCall, token: number): void {
    const named: ToolCall = { id, name, arguments: given };
    this.toolCalls.push(named);
    this.#emit({ type: 'tool-call', call: named, token });
  }

  #emit(piece: Piece): void {
    if (this.#isFirst && piece.type === 'reasoning') this.reasoningTokens++;
    this.#isFirst = false;
    this.#onPiece(this.#logprob ? { ...piece, logprob: this.#logprob } : piece);
    this.#logprob = null;
  }
}

/** The end of a prompt as text, with its control tokens. In channels, from the beginning of the message on. */
function endOf(prompt: readonly number[], { spelling, channels }: WriterParts): string {
  const begun = channels ? prompt.findLastIndex((id) => id === channels.start || id === channels.end) : -1;
  const from = channels ? (begun < 0 ? prompt.length : begun) : Math.max(0, prompt.length - PROMPT_END);
  const bytes = prompt.slice(from).map((id) => {
    const text = spelling.bytes(id);
    return text.length > 0 ? text : Buffer.from(spelling.token(id));
  });
  return Buffer.concat(bytes).toString('utf8');
}
