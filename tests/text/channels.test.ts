import { describe, expect, it } from 'vitest';
import { channelMarks } from '../../dist/src/text/channels.js';
import { answerReader } from '../../dist/src/text/dialects/dialects.js';

function parts(prompt: string, answer: string) {
  const reader = answerReader('harmony', prompt, null);
  const texts = { text: '', reasoning: '' };
  for (const part of [...reader.push(answer), ...reader.end()]) {
    if (part.type === 'tool-call') throw new Error('no tools were given');
    texts[part.type] += part.text;
  }
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
    ).toEqual({ text: '2 + 2 = 4.', reasoning: 'a simple question' });
  });

  it('may be named with a recipient and a type', () => {
    const call = '<|channel|>commentary to=functions.get json<|message|>{"a": 1}';
    expect(parts('<|start|>assistant', call)).toMatchObject({ text: '', reasoning: '{"a": 1}' });
    expect(parts('<|start|>assistant', `to=functions.get${call}`)).toMatchObject({ text: '' });
  });

  it('has words to the user before calls, on the channel of calls', () => {
    expect(parts('<|start|>assistant', '<|channel|>commentary<|message|>I look.')).toMatchObject({ text: 'I look.' });
  });

  it('may be begun by the prompt', () => {
    expect(parts('<|start|>assistant<|channel|>', 'final<|message|>yes')).toMatchObject({ text: 'yes' });
    expect(parts('<|start|>assistant<|message|>', 'yes')).toMatchObject({ text: 'yes' });
  });

  it('are not there in a plain text', () => {
    expect(parts('once', 'upon a time')).toEqual({ text: 'upon a time', reasoning: '' });
    expect(parts('once', 'upon<|end|>a time')).toMatchObject({ text: 'upona time' });
  });

  it('need all four marks in the vocabulary', () => {
    expect(channelMarks([['<|end|>', 3]])).toBeNull();
  });
});
