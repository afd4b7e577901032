import type { Piece } from '../contract/api.js';
import { StopScanner } from '../text/stop-strings.js';
import { StreamDecoder } from '../text/stream-decoder.js';
import type { TokenSpelling } from '../text/tokenizer.js';

/** Writes an answer out, token by token, up to the first stop text. */
export class AnswerText {
  /** The text so far. */
  text = '';
  readonly #spelling: TokenSpelling;
  readonly #onPiece: (piece: Piece) => void;
  readonly #decoder = new StreamDecoder();
  readonly #scanner: StopScanner;
  #last = 0;

  constructor(spelling: TokenSpelling, stops: readonly string[], onPiece: (piece: Piece) => void) {
    this.#spelling = spelling;
    this.#onPiece = onPiece;
    this.#scanner = new StopScanner(stops);
  }

  /** The stop text that ended it; null where none has. */
  get stopText(): string | null {
    return this.#scanner.stopText;
  }

  /** The next token. It is a piece, with or without text. */
  push(id: number): void {
    this.#last = id;
    const bytes = this.#spelling.bytes(id);
    const { text } =
      bytes.length > 0
        ? this.#scanner.push(this.#decoder.push(bytes))
        : this.#scanner.pushSpecial(this.#spelling.token(id));
    this.#release(text);
  }

  /** The token that ends the turn. It is no piece, but a stop text may name it. */
  pushEnd(id: number): void {
    const { text } = this.#scanner.pushSpecial(this.#spelling.token(id));
    if (text !== '') this.#release(text);
  }

  /** Shows what was held back, unless a stop text has come. */
  end(): void {
    if (this.#scanner.stopped) return;
    const last = this.#scanner.push(this.#decoder.end());
    const rest = last.text + (last.stopped ? '' : this.#scanner.end());
    if (rest !== '') this.#release(rest);
  }

  /** Text is shown with the token that brought it. */
  #release(text: string): void {
    this.text += text;
    this.#onPiece({ type: 'text', text, token: this.#last });
  }
}
