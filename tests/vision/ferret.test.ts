import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { boxesIn, loadModel, type Model } from '../../dist/src/index.js';
import { BoxReader } from '../../dist/src/vision/boxes.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { golden, picture, REGION, writeFerret } from './ferret-folder.js';
import { transformersGolden } from './transformers-golden.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-ferret-'));
const path = join(folder, 'model');
afterAll(() => rmSync(folder, { recursive: true }));

describe('Ferret with pictures', () => {
  let model: Model;
  beforeAll(async () => {
    writeFerret(path);
    model = await loadModel(path, { memory: '100MB', cacheDir: folder, threads: 2, tuning: { state: 'f32' } });
  });
  afterAll(() => model.dispose());

  it.each([
    ['numpy', golden.features],
    ['PyTorch', transformersGolden.ferret.features],
  ])('sees what %s sees', (_, features) => {
    const bridge = openBridge({ threads: 1 });
    try {
      const rows = openVision(path).embed(bridge, decodePicture(picture(), 'picture'), () => {});
      expect(rows).toHaveLength(features.length);
      for (const [i, value] of features.entries()) expect(Math.abs(rows[i] - value)).toBeLessThan(1e-4);
    } finally {
      bridge.dispose();
    }
  });

  it.each([
    ['numpy', golden.lnp],
    ['PyTorch', transformersGolden.ferret.lnp],
  ])('predicts what %s predicts', async (_, lnp) => {
    const rows = await model.logprobs(golden.ids, golden.text.vocab, { images: [picture()] });
    for (const [at, row] of lnp.entries()) {
      const found = new Map(rows[at]);
      for (const [id, value] of row.entries()) expect(Math.abs(found.get(id)! - value)).toBeLessThan(1e-3);
    }
  });

  it('is asked about regions', async () => {
    const images = [picture()];
    const ask = async (region: { box: number[] } | { point: number[] }) => {
      const regions = [region];
      const ids = await model.tokenize('<image>What is <region>?', { images, regions });
      expect(ids.filter((id) => id === REGION)).toHaveLength(1);
      return { ids, rows: await model.logprobs(ids, 1, { images, regions }) };
    };
    const [one, again, other] = [
      await ask({ box: [1, 2, 20, 20] }),
      await ask({ box: [1, 2, 20, 20] }),
      await ask({ point: [25, 25] }),
    ];
    expect(again).toEqual(one);
    expect(other.rows.at(-1)).not.toEqual(one.rows.at(-1));
    expect(await model.detokenize(one.ids.filter((id) => id > 0 && id < 97))).toContain('What is [35, 71, 714, 714] ');
    const message = [
      { type: 'image', image: images[0] },
      { type: 'text', text: 'What is ' },
      { type: 'region', box: [1, 2, 20, 20] },
      { type: 'text', text: '?' },
    ];
    const text = await model.applyTemplate([{ role: 'user', content: message }]);
    expect(text).toContain('What is [35, 71, 714, 714] <region_fea>? ASSISTANT:');
    const { usage } = await model.chat([{ role: 'user', content: message }], { maxTokens: 1 }).result;
    expect(usage.prompt).toBe(await model.countTokens([{ role: 'user', content: message }]));
  });

  it('refuses regions that are not there', async () => {
    const images = [picture()];
    const box = (...numbers: number[]) => [{ box: numbers }];
    const run = (prompt: string, regions: { box: number[]; image?: number }[]) =>
      model.generate(prompt, { images, regions, maxTokens: 1 }).result;
    await expect(run('<image><region>', box(40, 40, 50, 50))).rejects.toThrow(
      /no pixel of its picture, which has 28 x 28/,
    );
    await expect(run('<image>', box(1, 1, 5, 5))).rejects.toThrow(/has 0 <region>, and the regions given are 1/);
    await expect(run('<image><region>', [])).rejects.toThrow(/has one <region>, and the regions given are 0/);
    expect(() => run('<image><region>', [{ box: [1, 1, 5, 5], image: 1 }])).toThrow(/one is of 1/);
    expect(() => run('<image><region>', box(1, 1, 5))).toThrow(/^regions\[0\] has a box of 3 numbers; it has 4/);
    const two = (second: unknown) => run('<image><region>', [{ box: [1, 1, 5, 5] }, second as { box: number[] }]);
    for (const [wrong, message] of [
      [{ box: [1, -1, 5, 5] }, /^regions\[1\] has -1 in its box/],
      [{ point: [1, Number.NaN] }, /has NaN in its point/],
      [{ point: 'here' }, /has as point "here"/],
      [{ mask: { width: 2, height: 2, data: new Uint8Array(3) } }, /a mask of 2 x 2 pixels with 3 samples/],
      [{ mask: new ArrayBuffer(1) }, /has as mask an ArrayBuffer/],
      [{}, /has none of the three/],
      [null, /regions\[1\] is null/],
    ] as const)
      expect(() => two(wrong)).toThrow(message);
    for (const [wrong, message] of [
      [new ArrayBuffer(1), /^images\[1\] is a path.* not an ArrayBuffer$/],
      [new Blob([]), /not a Blob$/],
      [new DataView(new ArrayBuffer(1)), /not a DataView$/],
      [null, /not null$/],
      [{}, /not an object$/],
      ['', /not an empty text$/],
    ] as const)
      expect(() => model.generate('a', { images: [picture(), wrong as Uint8Array] })).toThrow(message);
    expect(() => model.chat([{ role: 'user', content: [{ type: 'region', point: [1, 1] }] }])).toThrow(
      /before any picture/,
    );
  });

  it('draws the points of regions from the seed', async () => {
    const images = [picture()];
    const regions = [{ box: [1, 2, 26, 26] }];
    const ids = await model.tokenize('<image>What is <region>?', { images, regions });
    const last = async (seed?: number) => (await model.logprobs(ids, 5, { images, regions, seed })).at(-1);
    const [none, zero, one, again] = [await last(), await last(0), await last(1), await last(1)];
    expect([zero, again]).toEqual([none, one]);
    expect(one).not.toEqual(zero);
    const ask = async (options: object) => {
      const given = { images, regions, maxTokens: 3, ...options };
      return model.generate('<image>What is <region>?', given).result;
    };
    // Without a draw of tokens the same question has the same seed, and it is told.
    const [first, second, seeded] = [await ask({}), await ask({}), await ask({ seed: 7 })];
    expect([first.seed, second.seed, seeded.seed]).toEqual([0, 0, 7]);
    expect(second.usage.cached).toBe(second.usage.prompt - 1);
    expect(seeded.usage.cached).toBeLessThan(second.usage.cached);
    expect(seeded.warnings).toEqual([]);
  });

  it('takes masks', async () => {
    const { size } = golden.vision;
    const images = [picture()];
    const data = Uint8Array.from({ length: size * size }, (_, at) => (at % size > 9 && at % size < 20 ? 255 : 0));
    const png = new PNG({ width: size, height: size });
    for (const [at, sample] of data.entries()) png.data.set([sample, sample, sample, 255], 4 * at);
    const last = async (region: object) => {
      const ids = await model.tokenize('<image><region>', { images, regions: [region] });
      return (await model.logprobs(ids, 5, { images, regions: [region] })).at(-1);
    };
    const bySamples = await last({ mask: { width: size, height: size, data } });
    expect(await last({ mask: PNG.sync.write(png) })).toEqual(bySamples);
    // A mask that is a box is that box.
    expect(await last({ box: [10, 0, 19, size - 1] })).toEqual(bySamples);
    const content = [
      { type: 'image', image: images[0] },
      { type: 'region', mask: PNG.sync.write(png) },
    ];
    const text = await model.applyTemplate([{ role: 'user', content }]);
    expect(text).toContain('\n[357, 0, 678, 964] <region_fea>');
    const empty = { width: size, height: size, data: new Uint8Array(size * size) };
    await expect(last({ mask: empty })).rejects.toThrow(/the mask is empty/);
    await expect(last({ mask: { width: 2, height: 2, data: new Uint8Array(4) } })).rejects.toThrow(/has 2 x 2 pixels/);
    await expect(last({ mask: 'nowhere.png' })).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    await expect(last({ mask: empty, point: [1, 1] })).rejects.toThrow(/has `point` and `mask`; give one/);
  });

  it('tells the boxes of its answers in pixels, in pieces and in the result', async () => {
    const text = 'A dog [250, 500, 750, 1000].';
    const boxes = [{ text: 'A dog', box: [7, 14, 21, 28] }];
    const generation = model.generate('<image>Where?', {
      images: [picture()],
      maxTokens: 60,
      responseFormat: { type: 'choice', choices: [text] },
    });
    const seen: object[] = [];
    for await (const piece of generation) if (piece.type === 'text') seen.push(...(piece.boxes ?? []));
    const result = await generation.result;
    expect([result.text, result.boxes, seen]).toEqual([text, boxes, boxes]);
    const blind = await model.generate('Where?', { maxTokens: 1 }).result;
    expect(blind.boxes).toBeUndefined();
    expect(model.info.vision).toMatchObject({ boxes: true, regions: true });
  });

  it('is asked in the words that it was trained with', async () => {
    const content = [
      { type: 'image', image: picture() },
      { type: 'text', text: 'What?' },
    ];
    const text = await model.applyTemplate([
      { role: 'user', content },
      { role: 'assistant', content: 'A dog.' },
      { role: 'user', content: 'Where?' },
    ]);
    expect(text.startsWith('A chat between a human and an AI that understands visuals.')).toBe(true);
    const seen = '<unk>'.repeat(16);
    expect(text).toContain(`Follow instructions.  USER: ${seen}\nWhat? ASSISTANT: A dog.</s>USER: Where? ASSISTANT:`);
  });
});

describe('boxes in an answer', () => {
  it('are in pixels, with the words before them', () => {
    const answer = 'There is a dog [100, 200, 500, 600] and a cat [0, 0, 1000, 1000], [10, 20, 30, 40]. No box [1, 2].';
    expect(boxesIn(answer, { width: 2000, height: 500 })).toEqual([
      { text: 'There is a dog', box: [200, 100, 1000, 300] },
      { text: 'and a cat', box: [0, 0, 2000, 500] },
      { text: 'and a cat', box: [20, 10, 60, 20] },
    ]);
    expect(boxesIn('none', { width: 1, height: 1 })).toEqual([]);
  });

  it('are the same however the answer comes', () => {
    const answer = 'A dog [100, 200, 500, 600] sits. [1, 2, 3, 4]: a cat [0, 0, 1000, 1000].';
    const size = { width: 1000, height: 1000 };
    const whole = boxesIn(answer, size);
    expect(whole.map(({ text }) => text)).toEqual(['A dog', 'A dog', 'a cat']);
    const reader = new BoxReader(size);
    expect([...answer].flatMap((character) => reader.push(character))).toEqual(whole);
  });
});
