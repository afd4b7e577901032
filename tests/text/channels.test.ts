import { describe, expect, it } from 'vitest';
import { ChannelReader, channelMarks } from '../../dist/src/text/channels.js';

const MARKS = ['<|start|>', '<|channel|>', '<|message|>', '<|end|>'];
const marks = channelMarks(MARKS.map((name, id) => [name, id] as const))!;

/** Cuts a text in Harmony's format into its marks and into words, each an id of its own. */
const tokens = (text: string) =>
  (text.match(/<\|\w+\|>|[^<]+?(?= |<|$)| /g) ?? []).map((part) => ({
    id: MARKS.includes(part) ? MARKS.indexOf(part) : 100,
    text: MARKS.includes(part) ? '' : part,
  }));

function parts(prompt: string, answer: string) {
  const reader = new ChannelReader(
    marks,
    tokens(prompt).map(({ id }) => id),
    () => '',
  );
  const texts = { answer: '', reasoning: '', header: '' };
  for (const { id, text } of tokens(answer)) texts[reader.take(id, text)] += text;
  return texts;
}

// The examples are those of openai/harmony, docs/format.md.
describe('channels', () => {
  it('come apart: the final one is the answer', () => {
    expect(
      parts(
        '<|start|>user<|message|>2 + 2<|end|><|start|>assistant',
        '<|channel|>analysis<|message|>a simple question<|end|><|start|>assistant<|channel|>final<|message|>2 + 2 = 4.',
      ),
    ).toEqual({ answer: '2 + 2 = 4.', reasoning: 'a simple question', header: 'analysisassistantfinal' });
  });

  it('may be named with a recipient and a type', () => {
    const call = '<|channel|>commentary to=functions.get json<|message|>{"a": 1}';
    expect(parts('<|start|>assistant', call)).toMatchObject({ answer: '', reasoning: '{"a": 1}' });
    expect(parts('<|start|>assistant', `to=functions.get${call}`)).toMatchObject({ answer: '' });
  });

  it('may be begun by the prompt', () => {
    expect(parts('<|start|>assistant<|channel|>', 'final<|message|>yes')).toMatchObject({ answer: 'yes' });
    expect(parts('<|start|>assistant<|message|>', 'yes')).toMatchObject({ answer: 'yes', header: '' });
  });

  it('are not there in a plain text', () => {
    expect(parts('once', 'upon a time')).toEqual({ answer: 'upon a time', reasoning: '', header: '' });
    expect(parts('once', 'upon<|end|>a time')).toMatchObject({ answer: 'upona time' });
  });

  it('need all four marks in the vocabulary', () => {
    expect(channelMarks([['<|end|>', 3]])).toBeNull();
  });
});
