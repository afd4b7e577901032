/** Ids of the marks of OpenAI's Harmony format, in which gpt-oss answers. */
export interface ChannelMarks {
  start: number;
  channel: number;
  message: number;
  end: number;
}

const NAMES: Readonly<Record<keyof ChannelMarks, string>> = {
  start: '<|start|>',
  channel: '<|channel|>',
  message: '<|message|>',
  end: '<|end|>',
};

/** The marks of a vocabulary; null where it lacks one. `controls` are its control tokens, each with its id. */
export function channelMarks(controls: Iterable<readonly [content: string, id: number]>): ChannelMarks | null {
  const ids = new Map(controls);
  const [start, channel, message, end] = Object.values(NAMES).map((name) => ids.get(name));
  return start === undefined || channel === undefined || message === undefined || end === undefined
    ? null
    : { start, channel, message, end };
}

/** What a generated token belongs to: the answer, the model's reasoning, or the marks and headers between. */
export type Part = 'answer' | 'reasoning' | 'header';

/**
 * Follows a text in Harmony's channels: `<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final
 * <|message|>...`. The channel `final` is the answer; what is in another one is not for the user. A message without a
 * channel is an answer too. (openai/harmony, docs/format.md)
 */
export class ChannelReader {
  readonly #marks: ChannelMarks;
  #state: 'message' | 'role' | 'channel' = 'message';
  #name = '';
  #part: Part = 'answer';

  /** Goes on from a prompt, which may end within a header: templates leave the channel to the model. */
  constructor(marks: ChannelMarks, prompt: readonly number[], nameOf: (id: number) => string) {
    this.#marks = marks;
    const from = prompt.findLastIndex((id) => id === marks.start || id === marks.end);
    for (const id of from < 0 ? [] : prompt.slice(from)) this.take(id, nameOf(id));
  }

  /** The part that the next token belongs to. `text` is what the token means in running text. */
  take(id: number, text: string): Part {
    const { start, channel, message, end } = this.#marks;
    switch (id) {
      case start:
        return this.#header('role', 'answer');
      case channel:
        return this.#header('channel', 'reasoning');
      case message:
        if (this.#state === 'channel')
          this.#part = this.#name.trim().split(/\s/)[0] === 'final' ? 'answer' : 'reasoning';
        this.#state = 'message';
        return 'header';
      case end:
        return this.#header('message', 'answer');
    }
    if (this.#state === 'message') return this.#part;
    if (this.#state === 'channel') this.#name += text;
    return 'header';
  }

  #header(state: 'message' | 'role' | 'channel', part: Part): Part {
    this.#state = state;
    this.#part = part;
    this.#name = '';
    return 'header';
  }
}
