import type {
  AnswerPart,
  CallForm,
  Dialect,
  DialectReader,
  Found,
  ReasoningMarks,
  ToolSignature,
  Written,
} from './dialect.js';

/** Beyond this many units of a call its reader is asked only where its end may have come. */
const ASKED_ALWAYS = 96;

/**
 * Takes an answer apart by marks: reasoning, text, calls of tools. Text is released as it comes, but for what may be
 * the beginning of a mark. A call is released whole. What looks like a call and is none is text, to the letter, and a
 * call that begins within it counts. White space between the parts is dropped.
 */
export class AnswerReader implements DialectReader {
  readonly #dialect: Dialect;
  readonly #specials: ReadonlySet<string>;
  readonly #tools: readonly ToolSignature[] | null;
  #mode: 'text' | 'reasoning' = 'text';
  /** The marks of the reasoning that goes on. */
  #marks: ReasoningMarks = { open: '', close: '' };
  #held = '';
  /** True while nothing but white space has come, where marks of the beginning count. */
  #atStart = true;
  /** True where white space is dropped: behind reasoning and calls. */
  #trims = false;
  /** The call that `#held` may begin with, and where the white space before it ends. */
  #call: { form: CallForm; from: number } | null = null;
  #asked = 0;

  /**
   * `prompt` is the end of the prompt as text, control tokens included: templates may open the reasoning themselves.
   * Calls are looked for only where there are `tools`.
   */
  constructor(dialect: Dialect, prompt: string, tools: readonly ToolSignature[] | null) {
    this.#dialect = dialect;
    this.#specials = new Set(dialect.specials);
    this.#tools = tools;
    const opened = dialect.reasoning.find(({ open }) => prompt.trimEnd().endsWith(open.trimEnd()));
    if (opened) this.#reason(opened);
  }

  get mode(): 'text' | 'reasoning' {
    return this.#mode;
  }

  get closings(): readonly Written[] {
    return [[{ mark: this.#marks.close }]];
  }

  get pending(): string {
    return this.#held;
  }

  takes(special: string): boolean {
    return this.#specials.has(special);
  }

  push(text: string): AnswerPart[] {
    this.#held += text;
    return this.#read(false);
  }

  end(): AnswerPart[] {
    return this.#read(true);
  }

  #read(final: boolean): AnswerPart[] {
    const parts: AnswerPart[] = [];
    while (this.#step(parts, final));
    return parts;
  }

  /** Settles a part. False where more has to come. */
  #step(parts: AnswerPart[], final: boolean): boolean {
    if (this.#call) return this.#readCall(parts, final);
    if (this.#trims) {
      this.#held = this.#held.trimStart();
      if (this.#held !== '') this.#trims = false;
    }
    return this.#mode === 'reasoning' ? this.#readReasoning(parts, final) : this.#readText(parts, final);
  }

  #reason(marks: ReasoningMarks): void {
    this.#mode = 'reasoning';
    this.#marks = marks;
    this.#trims = true;
  }

  #readReasoning(parts: AnswerPart[], final: boolean): boolean {
    const { close, endsBefore = [] } = this.#marks;
    const marks = [close, ...(this.#tools ? endsBefore : [])];
    const places = marks.map((mark) => this.#held.indexOf(mark)).filter((at) => at >= 0);
    if (places.length === 0) return this.#release(parts, final, marks, true);
    const end = Math.min(...places);
    const text = this.#held.slice(0, end).trimEnd();
    if (text !== '') parts.push({ type: 'reasoning', text });
    this.#held = this.#held.slice(this.#held.startsWith(close, end) ? end + close.length : end);
    this.#mode = 'text';
    this.#trims = true;
    return true;
  }

  #readText(parts: AnswerPart[], final: boolean): boolean {
    const opens = this.#dialect.reasoning.filter(({ anywhere }) => anywhere || this.#atStart);
    const forms = this.#tools ? this.#dialect.calls.filter(({ atStart }) => !atStart || this.#atStart) : [];
    const found = [
      ...opens.map((marks) => ({
        at: this.#place(marks.open, !marks.anywhere),
        take: (at: number) => this.#beginReasoning(parts, at, marks),
      })),
      // A mark that ends what has ended already is no text.
      ...opens
        .filter(({ anywhere }) => anywhere)
        .map(({ close }) => ({ at: this.#held.indexOf(close), take: (at: number) => this.#drop(parts, at, close) })),
      ...forms.map((form) => ({
        at: this.#place(form.open, form.atStart === true),
        take: (at: number) => this.#beginCall(parts, at, form),
      })),
    ].filter(({ at }) => at >= 0);
    if (found.length > 0) {
      const first = found.reduce((best, each) => (each.at < best.at ? each : best));
      first.take(first.at);
      return true;
    }
    const closes = opens.filter(({ anywhere }) => anywhere).map(({ close }) => close);
    const marks = [...[...opens, ...forms].map(({ open }) => open), ...closes];
    return this.#release(parts, final, marks, forms.length > 0 || opens.some(({ anywhere }) => anywhere));
  }

  /** Where a mark stands; below 0 where it does not, or not at the beginning. */
  #place(mark: string, atStart: boolean): number {
    if (!atStart) return this.#held.indexOf(mark);
    const at = this.#held.length - this.#held.trimStart().length;
    return this.#held.startsWith(mark, at) ? at : -1;
  }

  #beginReasoning(parts: AnswerPart[], at: number, marks: ReasoningMarks): void {
    this.#flush(parts, this.#held.slice(0, at).trimEnd());
    this.#held = this.#held.slice(at + marks.open.length);
    this.#reason(marks);
  }

  #drop(parts: AnswerPart[], at: number, mark: string): void {
    this.#flush(parts, this.#held.slice(0, at));
    this.#held = this.#held.slice(at + mark.length);
  }

  #beginCall(parts: AnswerPart[], at: number, form: CallForm): void {
    const space = this.#held.slice(0, at).trimEnd().length;
    this.#flush(parts, this.#held.slice(0, space));
    this.#held = this.#held.slice(space);
    this.#call = { form, from: at - space };
    this.#asked = 0;
  }

  /** Releases what can be no beginning of a mark, nor white space before one. */
  #release(parts: AnswerPart[], final: boolean, marks: readonly string[], holdsSpace: boolean): false {
    let end = final ? this.#held.length : beginOfMark(this.#held, marks);
    // White space at the beginning is held while a mark of the beginning may follow.
    if (!final && this.#mode === 'text' && this.#atStart && this.#held.slice(0, end).trim() === '' && marks.length > 0)
      end = 0;
    if (this.#mode === 'reasoning' || (holdsSpace && !final)) end = this.#held.slice(0, end).trimEnd().length;
    this.#flush(parts, this.#held.slice(0, end));
    this.#held = final ? '' : this.#held.slice(end);
    return false;
  }

  #flush(parts: AnswerPart[], text: string): void {
    if (text === '') return;
    parts.push({ type: this.#mode, text });
    if (this.#mode === 'text' && text.trim() !== '') this.#atStart = false;
  }

  #readCall(parts: AnswerPart[], final: boolean): boolean {
    const { form, from } = this.#call!;
    const body = from + form.open.length;
    const added = this.#held.slice(Math.max(body, this.#asked));
    if (
      !final &&
      this.#held.length - body > ASKED_ALWAYS &&
      ![...(form.last ?? '>')].some((last) => added.includes(last))
    )
      return false;
    this.#asked = this.#held.length;
    const found: Found = form.read(this.#held.slice(body), final, this.#tools!);
    if (found === 'more' && !final) return false;
    this.#call = null;
    if (found === 'more' || found === 'bad') {
      // The mark was text after all. What follows it may hold another.
      this.#flush(parts, this.#held.slice(0, body));
      this.#held = this.#held.slice(body);
      this.#atStart = false;
      return true;
    }
    for (const call of found.calls) parts.push({ type: 'tool-call', call });
    this.#held = this.#held.slice(body + found.length);
    this.#atStart = false;
    this.#trims = true;
    return true;
  }
}

/** Where the longest end of `text` begins that some mark begins with. */
function beginOfMark(text: string, marks: readonly string[]): number {
  const longest = Math.max(0, ...marks.map((mark) => mark.length - 1));
  for (let at = Math.max(0, text.length - longest); at < text.length; at++)
    if (marks.some((mark) => mark.startsWith(text.slice(at)))) return at;
  return text.length;
}
