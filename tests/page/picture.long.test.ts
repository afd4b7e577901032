import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Served, serveTales } from '../server/support.js';
import { CHROMIUM, openBrowser, WITHOUT_BROWSER } from './browser.js';

const [WIDTH, HEIGHT] = [400, 200];

function picture(): Buffer {
  const png = new PNG({ width: WIDTH, height: HEIGHT });
  for (let i = 0; i < WIDTH * HEIGHT; i++) png.data.set([i % 200, 120, 160, 255], 4 * i);
  return PNG.sync.write(png);
}

const receipt = {
  ...{ selector: 'all', bundlesHit: 1, bundlesMissed: 1, memoryBytes: 1, prefillTokensPerSecond: 1 },
  ...{ decodeTokensPerSecond: 1, readWaitMs: 1, ffnMs: 1, denseMs: 1, otherMs: 1 },
  ...{ payloadBytesRead: { prefill: 1, decode: 1 }, deviceBytesRead: { prefill: 1, decode: 1 } },
};

describe.skipIf(!CHROMIUM)(`a picture in the page${WITHOUT_BROWSER}`, () => {
  let browser: Browser;
  let served: Served;
  let page: Page;
  /** What the page asked, and what it complained of. */
  let asked: { messages: { content: unknown }[] }[];
  let complaints: string[];

  beforeAll(async () => {
    browser = await openBrowser();
    served = await serveTales({ memory: '9MB' });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await served?.end();
  });
  beforeEach(async () => {
    page = await (await browser.newContext({ viewport: { width: 1400, height: 1000 } })).newPage();
    [asked, complaints] = [[], []];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) complaints.push(message.text());
    });
    // The shipped model has no eyes: the answer is one that a model with eyes could give.
    await page.route('**/v1/chat/completions', (route) => {
      asked.push(route.request().postDataJSON());
      const boxes = [{ text: 'a dog', box: [100, 50, 300, 150] }];
      const chunks = [
        { choices: [{ delta: { content: 'It is a dog [250, 250, 750, 750].' } }] },
        { choices: [{ delta: {}, finish_reason: 'stop' }], flashrow: { receipt, warnings: [], boxes } },
      ];
      const body = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`);
      return route.fulfill({ contentType: 'text/event-stream', body: body.join('') });
    });
    await page.goto(served.listening.url);
    await page
      .getByLabel('Picture', { exact: true })
      .setInputFiles({ name: 'dog.png', mimeType: 'image/png', buffer: picture() });
    await page.locator('canvas.picture.open').waitFor();
  });
  afterEach(async () => {
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  async function drag(from: [number, number], to: [number, number]): Promise<void> {
    const shown = (await page.locator('canvas.picture.open').boundingBox())!;
    const at = ([x, y]: [number, number]) =>
      [shown.x + (x * shown.width) / WIDTH, shown.y + (y * shown.height) / HEIGHT] as const;
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]));
    await page.mouse.move(...at(to));
    await page.mouse.up();
  }

  async function send(text: string): Promise<unknown> {
    await page.getByLabel('Your message').fill(text);
    await page.keyboard.press('Enter');
    await page.locator('.turn.assistant .receipt').first().waitFor();
    return asked.at(-1)!.messages.at(-1)!.content;
  }

  const near = (value: number) => expect.toSatisfy((found: number) => Math.abs(found - value) <= 2);

  it('goes with the message, with the region that is dragged on it', async () => {
    await drag([300, 150], [100, 50]);
    const content = await send('What is <region>?');
    const uri = `data:image/png;base64,${picture().toString('base64')}`;
    expect(content).toEqual([
      { type: 'image_url', image_url: { url: uri } },
      { type: 'text', text: 'What is ' },
      { type: 'region', box: [near(100), near(50), near(300), near(150)] },
      { type: 'text', text: '?' },
    ]);
    expect(await page.locator('canvas.picture.open').count()).toBe(0);
  });

  it('has the boxes of the answer drawn onto it', async () => {
    await send('What is this?');
    const drawn = page.locator('.turn.assistant canvas.picture');
    expect(await drawn.getAttribute('aria-label')).toBe('dog.png, with a dog: 100, 50, 300, 150');
    const pixel = (x: number, y: number) =>
      drawn.evaluate(
        // biome-ignore lint/suspicious/noExplicitAny: an element of the browser, which these tests have no types of
        (canvas: any, [left, top]) => [...canvas.getContext('2d').getImageData(left, top, 1, 1).data],
        [x, y],
      );
    const [edge, inside] = [await pixel(100, 100), await pixel(150, 100)];
    expect(edge).toEqual([230, 25, 75, 255]);
    expect(inside).toEqual([150, 120, 160, 255]);
  });

  it('has a point where it is clicked, and a region that is typed', async () => {
    await drag([40, 60], [40, 60]);
    const field = page.getByLabel('Region');
    const numbers = (await field.inputValue()).split(', ').map(Number);
    expect(numbers).toEqual([near(40), near(60)]);
    await field.fill('1, 2, 30, 40');
    await field.press('Tab');
    expect(await send('Where?')).toContainEqual({ type: 'region', box: [1, 2, 30, 40] });
  });
});
