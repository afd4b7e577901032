import type { Piece } from '../contract/api.js';
import { type ChannelMarks, ChannelReader, type Part } from '../text/channels.js';
import { StopScanner } from '../text/stop-strings.js';
import { StreamDecoder } from '../text/stream-decoder.js';
import type { TokenSpelling } from '../text/tokenizer.js';

/** Makes text of generated tokens, piece by piece, up to a stop text. Where there are channels they come apart. */
export class AnswerWriter {
  /** What was released so far. */
  text = '';
  reasoning = '';
  readonly #spelling: TokenSpelling;
  readonly #onPiece: (piece: Piece) => void;
  readonly #decoder = new StreamDecoder();
  readonly #scanner: StopScanner;
  readonly #channels: ChannelReader | null;
  #part: Part = 'answer';

  constructor(
    prompt: readonly number[],
    { stop, spelling, channels }: { stop: readonly string[]; spelling: TokenSpelling; channels: ChannelMarks | null },
    onPiece: (piece: Piece) => void,
  ) {
    this.#spelling = spelling;
    this.#onPiece = onPiece;
    this.#scanner = new StopScanner(stop);
    const decode = (id: number) => Buffer.from(spelling.bytes(id)).toString('utf8');
    this.#channels = channels && new ChannelReader(channels, prompt, decode);
  }

  /** True from the token on that completed a stop text. */
  get stopped(): boolean {
    return this.#scanner.stopped;
  }

  get stopText(): string | null {
    return this.#scanner.stopText;
  }

  /** Takes a token. There is a piece for each. */
  push(id: number): void {
    const bytes = this.#spelling.bytes(id);
    const text = this.#decoder.push(bytes);
    if (this.#channels) this.#part = this.#channels.take(id, text);
    if (this.#part === 'answer') this.#release(this.#scan(id, bytes, text), id);
    else if (this.#part === 'reasoning') this.#reason(text, id);
    else this.#release('', id);
  }

  /** Takes the token that ends the turn. A stop text may name it; else it lets go what was held. `last` came before. */
  pushEnd(id: number, last: number): void {
    if (this.#part !== 'answer') return;
    const { text } = this.#scanner.pushSpecial(this.#spelling.token(id));
    if (text !== '') this.#release(text, last);
  }

  /** Releases what was held back. `last` is the last token. */
  end(last: number): void {
    if (this.#scanner.stopped) return;
    const rest = this.#decoder.end();
    if (this.#part === 'reasoning' && rest !== '') this.#reason(rest, last);
    const scan = this.#scanner.push(this.#part === 'answer' ? rest : '');
    const text = scan.text + (scan.stopped ? '' : this.#scanner.end());
    if (text !== '') this.#release(text, last);
  }

  /** The text that a token of the answer lets go. A special token has no text; it has a name. */
  #scan(id: number, bytes: Uint8Array, text: string): string {
    const scan = bytes.length > 0 ? this.#scanner.push(text) : this.#scanner.pushSpecial(this.#spelling.token(id));
    return scan.text;
  }

  #release(text: string, token: number): void {
    this.text += text;
    this.#onPiece({ type: 'text', text, token });
  }

  #reason(text: string, token: number): void {
    this.reasoning += text;
    this.#onPiece({ type: 'reasoning', text, token });
  }
}
