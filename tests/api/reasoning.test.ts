import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model, type Piece } from '../../dist/src/index.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

/*
 * A model that writes in Harmony's format, as its weights make it: <|channel|>analysis<|message|>x<|end|><|start|>
 * assistant<|channel|>final<|message|>y<|return|>.
 */
describe.runIf(haveSharedData)(`an answer in channels${withoutSharedData}`, () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(sharedPath('cases/05-harmony-channels/harmony.gguf'), { memory: '200MB' });
  });
  afterAll(() => model.dispose());
  const OPTIONS = { maxTokens: 16, repeatPenalty: 1.2, temperature: 0 };

  it('is its final channel; the other ones are reasoning', async () => {
    const generation = model.chat([{ role: 'user', content: 'abc' }], OPTIONS);
    const pieces: Piece[] = [];
    for await (const piece of generation) pieces.push(piece);
    const { text, reasoning, tokens } = await generation.result;
    expect({ text, reasoning }).toEqual({ text: 'y', reasoning: 'x' });
    const joined = (type: string) =>
      pieces
        .filter((piece) => piece.type === type)
        .map((piece) => ('text' in piece ? piece.text : ''))
        .join('');
    expect([joined('text'), joined('reasoning')]).toEqual(['y', 'x']);
    expect(pieces.map(({ token }) => token)).toEqual(tokens);
  });

  it('says what of the conversation its template does not read', async () => {
    const messages = [{ role: 'user', content: 'abc', name: 'bob' }];
    const { warnings } = await model.chat(messages, { ...OPTIONS, templateVariables: { reasoning_effort: 'low' } })
      .result;
    expect(warnings).toEqual([
      '`templateVariables.reasoning_effort` changes nothing: the chat template does not read it',
      '`name` of a message changes nothing: the chat template does not read it',
    ]);
  });

  it('refuses what no template can be given', () => {
    const chat = (message: object, variables?: object) => () =>
      model.chat([{ role: 'user', ...message }], { templateVariables: variables as Record<string, unknown> });
    const image = { content: [{ type: 'image_url', image_url: 'x' }] };
    expect(chat(image)).toThrowError(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('"image_url"') }),
    );
    for (const content of [[{ type: 'text' }], [null], 5])
      expect(chat({ content })).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(chat({ content: 'a', name: () => 1 })).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(chat({ content: 'a' }, { x: 1n })).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
  });
});
