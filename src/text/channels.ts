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
