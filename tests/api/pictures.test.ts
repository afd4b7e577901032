import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model, planModel } from '../../dist/src/index.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { TALES } from '../support/shipped.js';

interface Case {
  image: string | string[] | null;
  prompt: string;
  messages: { role: string; content: { type: string; text?: string }[] }[];
  ids: number[];
  top: [number, [number, number][]][];
  then: [number, unknown][];
}

const folder = mkdtempSync(join(tmpdir(), 'flashrow-pictures-'));
afterAll(() => rmSync(folder, { recursive: true }));
const options = { memory: '300MB', cacheDir: folder, threads: 2 };
const pictures = ({ image }: Pick<Case, 'image'>) =>
  image === null ? [] : [image].flat().map((name) => sharedPath(`vision/pictures/${name}`));
/** The bars of the contract. */
const bar = ({ image }: Case) => (String(image).endsWith('.jpg') ? 0.03 : 0.001);

/** The right values are those of transformers 4.57.6 in f32: SOURCE.txt beside the files. */
describe.skipIf(!haveSharedData).each(['llava', 'smolvlm'])(`pictures in prompts of %s${withoutSharedData}`, (kind) => {
  const cases: Case[] = haveSharedData ? sharedJson(`vision/${kind}.json`).cases : [];
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(sharedPath(`vision/${kind}`), options);
  });
  afterAll(() => model.dispose());

  it.each(cases)('give what transformers gives: $image, $prompt', async (one) => {
    const images = pictures(one);
    const ids = await model.tokenize(one.prompt, { images });
    expect(ids).toEqual(one.ids);
    const rows = await model.logprobs(ids, 8, { images });
    for (const [index, top] of one.top) {
      expect(rows[index].map(([id]) => id)).toEqual(top.map(([id]) => id));
      for (const [at, [, lnp]] of top.entries()) expect(Math.abs(rows[index][at][1] - lnp)).toBeLessThan(bar(one));
    }
    const { tokens } = await model.generate(one.prompt, { images, maxTokens: 8 }).result;
    expect(tokens).toEqual(one.then.map(([id]) => id));
  });

  it('give the same in a conversation', async () => {
    const one = cases.find(({ image }) => Array.isArray(image))!;
    const paths = pictures(one).values();
    const messages = one.messages.map(({ role, content }) => ({
      role,
      content: content.map((part) => (part.type === 'image' ? { ...part, image: paths.next().value } : part)),
    }));
    expect(await model.countTokens(messages)).toBe(one.ids.length);
    const { tokens } = await model.chat(messages, { maxTokens: 8, temperature: 0 }).result;
    expect(tokens).toEqual(one.then.map(([id]) => id));
  });

  it('leave the special tokens of a text plain where they are to be', async () => {
    const images = [sharedPath('vision/pictures/dot.png')];
    const text = 'a </s> <|im_end|> <s> b';
    const plain = await model.tokenize(text, { parseSpecial: false, addSpecial: false });
    const seen = (prompt: string, options: object = { parseSpecial: false }) =>
      model.tokenize(prompt, { ...options, images });
    const picture = await model.tokenize('<image>', { images });
    // Pictures first, and then what the text is without them, to the last token that a space or a line may change.
    const first = await seen(text);
    expect(first.slice(0, picture.length)).toEqual(picture);
    expect(first.slice(-plain.length + 2)).toEqual(plain.slice(2));
    expect(await seen(`<image>${text}`)).not.toEqual(await seen(`<image>${text}`, {}));
    expect((await seen(`<image>${text}`)).slice(-plain.length + 2)).toEqual(plain.slice(2));
    await expect(seen('<image><image>')).rejects.toThrow(/has 2 <image>, and one picture/);
  });

  it('are told apart by their files, not by their places', async () => {
    const [first, second] = cases.filter(({ image }) => image === 'photo.png' || image === 'alpha.png');
    const run = async (one: Case, image: string | URL | Uint8Array) => {
      const { tokens, usage } = await model.generate(one.prompt, { images: [image], maxTokens: 8 }).result;
      expect(tokens).toEqual(one.then.map(([id]) => id));
      return usage;
    };
    const path = pictures(first)[0];
    await run(first, path);
    const again = await run(first, pathToFileURL(path));
    expect(again.cached).toBe(first.ids.length - 1);
    expect((await run(second, pictures(second)[0])).cached).toBeLessThan(first.ids.length - 2);
    expect((await run(first, readFileSync(path))).prompt).toBe(first.ids.length);
  });

  it('are told apart in a saved state', async () => {
    const file = join(folder, `${kind}.state`);
    const [first, second] = cases.filter(({ image }) => image === 'photo.png' || image === 'alpha.png');
    const images = pictures(first);
    await model.generate(first.prompt, { images, maxTokens: 1 }).result;
    await model.saveState(file);
    const other = await loadModel(sharedPath(`vision/${kind}`), options);
    try {
      await other.loadState(file);
      const { usage, tokens } = await other.generate(first.prompt, { images, maxTokens: 8 }).result;
      expect([usage.cached, tokens]).toEqual([first.ids.length - 1, first.then.map(([id]) => id)]);
      await other.loadState(file);
      const unlike = await other.generate(second.prompt, { images: pictures(second), maxTokens: 8 }).result;
      expect(unlike.tokens).toEqual(second.then.map(([id]) => id));
      expect(unlike.usage.cached).toBeLessThan(first.ids.length - 2);
    } finally {
      await other.dispose();
    }
  });

  it('are refused where they do not go with the prompt', async () => {
    const images = [sharedPath('vision/pictures/dot.png')];
    const rejects = (work: Promise<unknown>, code: string, message: RegExp) =>
      expect(work).rejects.toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    await rejects(model.generate('<image><image>', { images }).result, 'BAD_USAGE', /has 2 <image>, and one picture/);
    await rejects(model.generate('<image>').result, 'BAD_USAGE', /no picture was given/);
    await rejects(model.generate([1, 2], { images }).result, 'BAD_USAGE', /has 0 tokens <image>/);
    await rejects(model.generate('a', { images: ['nowhere.png'] }).result, 'NOT_FOUND', /nowhere.png/);
    await rejects(model.generate('a', { images: ['http://x/y.png'] }).result, 'BAD_USAGE', /fetch it yourself/);
    await rejects(model.generate('a', { images: [folder] }).result, 'BAD_USAGE', /ordinary file/);
    await rejects(model.generate('a', { images: [Buffer.from('GIF89a')] }).result, 'UNSUPPORTED', /is GIF/);
    const part = { type: 'image', image: images[0] };
    const chat = model.chat([{ role: 'user', content: [part] }], { template: 'no pictures here' });
    await rejects(chat.result, 'UNSUPPORTED', /the chat template has 0 <image> for one picture/);
    expect(() => model.chat([{ role: 'user', content: [{ type: 'image' }] }])).toThrow(/image part with/);
  });

  it('take memory that the plan counts, unless there are to be none', async () => {
    const path = sharedPath(`vision/${kind}`);
    const [seeing, blind] = [await planModel(path, options), await planModel(path, { ...options, vision: false })];
    expect(seeing.scratchBytes - blind.scratchBytes).toBeGreaterThan(model.info.vision!.mostTokens * 4 * 64);
    expect(seeing.overheadBytes).toBeGreaterThan(blind.overheadBytes);
  });
});

describe.skipIf(!haveSharedData)(`a vision tower of another model${withoutSharedData}`, () => {
  it('is refused by the tokens that it has', async () => {
    const vision = sharedPath('vision/smolvlm');
    await expect(loadModel(sharedPath('vision/llava'), { ...options, vision })).rejects.toThrow(
      /smolvlm has <image> as token 496, and the model as 495: it belongs to another model/,
    );
  });
});

describe('a model without eyes', () => {
  it('refuses pictures', async () => {
    const model = await loadModel(TALES, { memory: '8MB', cacheDir: folder });
    try {
      expect(model.info.vision).toBeNull();
      await expect(model.generate('a', { images: [new Uint8Array(1)] }).result).rejects.toThrow(/takes no pictures/);
      await expect(model.logprobs([1], 1, { images: [new Uint8Array(1)] })).rejects.toThrow(/takes no pictures/);
    } finally {
      await model.dispose();
    }
  });
});
