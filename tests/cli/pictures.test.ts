import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_POSITIONS } from '../../dist/native-bridge/memory.js';
import { annotate, checkAnnotation } from '../../dist/src/cli/commands/annotate.js';
import { contextForRun } from '../../dist/src/cli/commands/run-context.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { drawBoxes } from '../../dist/src/vision/draw-boxes.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { TALES } from '../support/shipped.js';
import { golden, picture, writeFerret } from '../vision/ferret-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-cli-pictures-'));
const at = (name: string) => join(folder, name);
const model = at('model');
const image = at('picture.png');
const options = ['--cache-dir', at('cache'), '--memory', '100MB', '--threads', '1'];
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => {
  writeFerret(model);
  writeFileSync(image, picture());
  writeFileSync(
    at('mask.png'),
    mask(golden.vision.size, (x) => x > 9 && x < 20),
  );
});

function mask(size: number, isIn: (x: number) => boolean): Buffer {
  const png = new PNG({ width: size, height: size });
  for (let i = 0; i < size * size; i++) png.data.set([isIn(i % size) ? 255 : 0, 0, 0, 255], 4 * i);
  return PNG.sync.write(png);
}

const fails = async (args: string[], code: string, message: RegExp, input?: string) => {
  const { exitCode, json } = await flashrowJson<{ error: { code: string; message: string } }>(args, input);
  expect(json.error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(exitCode).toBe(code === 'BAD_USAGE' ? 2 : 1);
};

describe('regions on the command line', () => {
  const ask = ['--prompt', '<image>What is <region>?', '--image', image, ...options];

  it('are boxes, points and files of masks', async () => {
    const rows = async (region: string, ...more: string[]) => {
      const args = ['logprobs', model, ...ask, '--region', region, '--top', '3', ...more];
      return (await flashrowJson<{ rows: object[] }>(args)).json.rows.at(-1);
    };
    const box = await rows('10,0,19,27');
    expect(await rows(at('mask.png'))).toEqual(box);
    expect(await rows('14,14')).not.toEqual(box);
    expect(await rows('10,0,19,27', '--seed', '0')).toEqual(box);
    expect(await rows('0,0,27,27', '--seed', '1')).not.toEqual(await rows('0,0,27,27', '--seed', '2'));
  });

  it('count for a plan', async () => {
    const plan = ['plan', model, '--image', image, ...options, '--context', '100'];
    expect((await flashrow([...plan, '--prompt-tokens', '70'])).stderr).not.toContain('does not fit');
    const { stderr } = await flashrow([...plan, '--prompt-tokens', '70', '--region', '1,1', '--region', '2,2']);
    expect(stderr).toContain('does not fit');
    await fails(['plan', model, '--region', '1,1', ...options], 'BAD_USAGE', /and there is none; give one as --image/);
  });

  it('are refused before a model is loaded', async () => {
    const run = ['run', model, ...ask, '--max-tokens', '1', '--region'];
    await fails([...run, '1,2,3'], 'BAD_USAGE', /or the file of a mask/);
    await fails([...run, '10,20,x'], 'BAD_USAGE', /"x" is no number of 0 or more; it takes left,top,right,bottom/);
    await fails([...run, '-1,2,3,four'], 'BAD_USAGE', /"-1" and "four" are no number/);
    await fails([...run, at('nowhere.png')], 'NOT_FOUND', /nowhere.png/);
    writeFileSync(
      at('small.png'),
      mask(3, () => true),
    );
    await fails([...run, at('small.png')], 'BAD_USAGE', /small.png has 3 x 3 pixels, and its picture 28 x 28/);
    writeFileSync(
      at('black.png'),
      mask(28, () => false),
    );
    await fails([...run, at('black.png')], 'BAD_USAGE', /black.png is empty/);
    const seen = ['run', model, '--prompt', 'a', ...options, '--max-tokens', '1', '--image'];
    await fails([...seen, at('nothing.png')], 'NOT_FOUND', /nothing/);
    // Its header is whole, so it is found out as the model looks at it.
    writeFileSync(at('cut.png'), picture().subarray(0, picture().length - 40));
    await fails([...seen, at('cut.png')], 'CORRUPT', new RegExp(`^${at('cut.png')} `));
  });
});

/** Shorter than the model's own: its context is short. */
const TEMPLATE = `{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}{% if part.type == 'image' %}<image>{% elif part.type == 'region' %}<region>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}`;

describe('a conversation with pictures', () => {
  it('goes on about a region, and says at once what is missing', async () => {
    const typed = [
      `/region 1,1,5,5`,
      `/image ${at('nothing.png')}`,
      `/image ${image}`,
      'What?',
      '/region 1,1,5,5',
      'And <region>?',
      `/region ${at('mask.png')}`,
      'And <region>?',
      `/save ${at('talk.json')}`,
      '/clear',
      `/load ${at('talk.json')}`,
    ].join('\n');
    writeFileSync(at('short.jinja'), TEMPLATE);
    const args = ['chat', model, ...options, '--max-tokens', '2', '--chat-template', at('short.jinja')];
    const { exitCode, json, stderr } = await flashrowJson<{ messages: { content: unknown }[] }>(args, `${typed}\n`);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/there is no picture yet/);
    expect(stderr).toMatch(/nothing.png/);
    expect(json.messages.map(({ content }) => content)[0]).toEqual([
      { type: 'image', image },
      { type: 'text', text: 'What?' },
    ]);
    expect(json.messages[2].content).toContainEqual({ type: 'region', box: [1, 1, 5, 5] });
    expect(json.messages[4].content).toContainEqual({ type: 'region', mask: at('mask.png') });
  });
});

describe('messages about pictures', () => {
  const seen = (...more: string[]) => ['run', model, '--prompt', 'a', ...options, '--max-tokens', '1', ...more];

  it('name the flag, and what was given', async () => {
    await fails(seen('--image', 'https://x/y.png'), 'BAD_USAGE', /^--image is a path.*fetch it yourself/);
    await fails(seen('--image', 'data:image/png;base64,AAAA'), 'BAD_USAGE', /^--image is .*decode its Base64 yourself/);
    await fails(
      seen('--region', '1,2'),
      'BAD_USAGE',
      /^a region is a part of a picture, and there is none; .* --image$/,
    );
    await fails(
      seen('--image', image, '--prompt', '<region>', '--region', '300,300,400,400'),
      'BAD_USAGE',
      /^the region \[300, 300, 400, 400\] has no pixel of its picture, which has 28 x 28$/,
    );
    await fails(seen('--image', image, '--region', folder), 'BAD_USAGE', /is not an ordinary file; give a PNG$/);
    await fails(
      ['run', model, '--tokens', '[1]', '--image', image, ...options],
      'BAD_USAGE',
      /--tokens does not go with --image/,
    );
    await fails(['logprobs', model, '--tokens', '[1]', '--image', image, ...options], 'BAD_USAGE', /--tokens does not/);
  });

  it('hold no picture, where its Base64 is given as a path', async () => {
    for (const text of [picture().toString('base64'), `/9j/${'A'.repeat(300)}`, 'A'.repeat(9000)]) {
      await fails(
        seen('--image', text),
        'BAD_USAGE',
        /^--image looks like Base64, not like a path: ".{0,70}"; give its bytes/,
      );
    }
    await fails(
      seen('--image', `${'a b.'.repeat(2000)}`),
      'BAD_USAGE',
      /^--image is a text of 8000 characters.{0,120}$/,
    );
  });

  it('of towers name the path, and what it is not', async () => {
    writeFileSync(at('text.gguf'), 'a text, and no more than that');
    await fails(
      seen('--mmproj', at('nowhere')),
      'NOT_FOUND',
      /nowhere" does not exist; check the path of the vision tower/,
    );
    await fails(seen('--mmproj', at('text.gguf')), 'UNSUPPORTED', /text.gguf is no GGUF file; a vision tower is/);
    await fails(seen('--mmproj', ''), 'BAD_USAGE', /^--mmproj takes the path of a vision tower, not an empty text$/);
    await fails(
      ['run', TALES, '--prompt', 'a', '--image', image, ...options],
      'UNSUPPORTED',
      /or was loaded without it; name one as --mmproj/,
    );
  });
});

describe('the context of a run with pictures', () => {
  it('is that of its prompt and its answer', async () => {
    const flags = { image: [image], region: [{ box: [1, 2, 20, 20] }], maxTokens: 4 };
    for (const [text, chat] of [
      ['What is <region>?', true],
      ['<image>What is <region>?', false],
    ] as const) {
      const args = [
        'run',
        model,
        '--prompt',
        text,
        ...(chat ? ['--chat'] : []),
        '--image',
        image,
        '--region',
        '1,2,20,20',
      ];
      const { json } = await flashrowJson<{ usage: { prompt: number } }>([...args, '--max-tokens', '4', ...options]);
      const pages = Math.ceil((json.usage.prompt + 4) / PAGE_POSITIONS) * PAGE_POSITIONS;
      expect(await contextForRun(model, text, { ...flags, chat })).toBe(pages);
    }
  });
});

describe.skipIf(!haveSharedData)(`--no-parse-special${withoutSharedData}`, () => {
  it('makes plain text of special tokens, for models that take pictures too', async () => {
    const args = ['run', sharedPath('vision/llava'), '--prompt', 'a</s></s>', '--max-tokens', '1', ...options];
    const prompt = async (...more: string[]) =>
      (await flashrowJson<{ usage: { prompt: number } }>([...args, ...more])).json.usage.prompt;
    expect(await prompt()).toBe(4);
    expect(await prompt('--no-parse-special')).toBe(10);
  });
});

describe('--annotate', () => {
  const run = ['run', model, '--prompt', 'Where?', '--image', image, '--max-tokens', '2', ...options, '--annotate'];

  it('writes a copy of the picture', async () => {
    const out = at('out.png');
    const { exitCode, json, stderr } = await flashrowJson<{ boxes: object[] }>([...run, out]);
    expect(exitCode, stderr).toBe(0);
    expect([json.boxes, stderr]).toEqual([[], expect.stringContaining('has no box')]);
    expect(decodePicture(readFileSync(out), 'out').data).toEqual(decodePicture(picture(), 'in').data);
  });

  it('writes over nothing that is read, or is no PNG', async () => {
    const before = readFileSync(image);
    await fails([...run, image], 'BAD_USAGE', /would write over .*picture.png, which is read/);
    linkSync(image, at('link.png'));
    await fails([...run, at('link.png')], 'BAD_USAGE', /which is read/);
    await fails([...run, at('mask.png'), '--region', at('mask.png')], 'BAD_USAGE', /mask.png, which is read/);
    await fails([...run, at('out.jpg')], 'BAD_USAGE', /name it .png/);
    writeFileSync(at('text.png'), 'a text');
    await fails([...run, at('text.png')], 'BAD_USAGE', /is no PNG/);
    await fails([...run, at('none/out.png')], 'NOT_WRITABLE', /its folder does not exist/);
    await fails([...run, at(`${'n'.repeat(250)}.png`)], 'NOT_WRITABLE', /cannot be written to/);
    if (existsSync('/proc'))
      expect(() => checkAnnotation('/proc/x.png', [])).toThrow(/\/proc\/x.png cannot be written/);
    const names = readdirSync(folder);
    checkAnnotation(at('new.png'), []);
    expect(readdirSync(folder)).toEqual(names);
    await fails(['run', TALES, '--prompt', 'a', '--annotate', at('new.png')], 'BAD_USAGE', /goes with --image/);
    expect(readFileSync(image).equals(before)).toBe(true);
    expect([readFileSync(at('text.png'), 'utf8'), existsSync(at('out.jpg'))]).toEqual(['a text', false]);
  });

  it('draws frames within their boxes, and cuts them where the picture ends', async () => {
    const grey = {
      width: 300,
      height: 300,
      data: new Uint8Array(3 * 300 * 300).fill(9),
      origin: 0,
      xStep: 3,
      yStep: 900,
    };
    const boxes: { text: string; box: [number, number, number, number] }[] = [
      { text: 'a dog', box: [10, 20, 100, 200] },
      { text: 'a cat', box: [250.4, 250, 400, -5] },
      { text: 'a dog', box: [150, 150, 150, 150] },
    ];
    const { data } = decodePicture(drawBoxes(grey, boxes), 'drawn');
    const pixel = (x: number, y: number) => [...data.subarray(3 * (300 * y + x), 3 * (300 * y + x) + 3)];
    const [red, blue] = [pixel(10, 20), pixel(250, 0)];
    expect([pixel(100, 200), pixel(11, 100), pixel(99, 100), pixel(50, 21), pixel(150, 150)]).toEqual(
      Array(5).fill(red),
    );
    expect([pixel(299, 100), pixel(280, 250), pixel(250, 250)]).toEqual(Array(3).fill(blue));
    expect([pixel(12, 22), pixel(9, 20), pixel(101, 100), pixel(50, 100), pixel(280, 251)]).toEqual(
      Array(5).fill([9, 9, 9]),
    );
    expect(red).not.toEqual(blue);
    copyFileSync(image, at('copy.png'));
    await annotate(at('boxes.png'), at('copy.png'), { boxes: [{ text: 'it', box: [0, 0, 27, 27] }] });
    expect(decodePicture(readFileSync(at('boxes.png')), 'boxes').data.subarray(0, 3)).toEqual(Uint8Array.from(red));
    expect(() => checkAnnotation(at('copy.png'), [at('copy.png')])).toThrow(/which is read/);
  });
});
