/**
 * Makes the picture of the page with a region and boxes, docs/page/picture.png. The picture in it is drawn here, and so
 * is the answer: no weights of Ferret's are at hand. Needs a build, and chromium on the PATH or in FLASHROW_CHROMIUM.
 */
import { fileURLToPath } from 'node:url';
import { createServer, listen } from 'flashrow/server';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [WIDTH, HEIGHT] = [640, 400];

function drawing() {
  const png = new PNG({ width: WIDTH, height: HEIGHT });
  const put = (x, y, colour) => png.data.set([...colour, 255], 4 * (y * WIDTH + x));
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++)
      put(x, y, y < 250 ? [150 + y / 4, 190 + y / 8, 235] : [105, 150 - (y - 250) / 4, 80]);
  const oval = (left, top, across, down, colour) => {
    for (let y = top - down; y <= top + down; y++)
      for (let x = left - across; x <= left + across; x++)
        if (((x - left) / across) ** 2 + ((y - top) / down) ** 2 <= 1) put(x, y, colour);
  };
  const [brown, dark, black] = [
    [126, 84, 50],
    [92, 58, 32],
    [20, 15, 10],
  ];
  oval(540, 70, 42, 42, [250, 215, 90]);
  oval(190, 270, 90, 48, brown);
  oval(285, 222, 38, 34, brown);
  oval(262, 200, 12, 24, dark);
  oval(298, 218, 4, 4, black);
  oval(320, 228, 9, 7, black);
  for (const x of [130, 165, 225, 255]) oval(x, 325, 10, 34, [112, 74, 44]);
  oval(98, 238, 9, 34, [112, 74, 44]);
  oval(450, 330, 34, 34, [205, 45, 50]);
  oval(440, 320, 12, 12, [230, 110, 110]);
  return PNG.sync.write(png);
}

const none = { prefill: 0, decode: 0 };
const receipt = {
  ...{ selector: 'all', bundlesHit: 0, bundlesMissed: 0, memoryBytes: 0, prefillTokensPerSecond: null },
  ...{ decodeTokensPerSecond: null, readWaitMs: 0, ffnMs: 0, denseMs: 0, otherMs: 0 },
  ...{ payloadBytesRead: none, deviceBytesRead: none },
};
const boxes = [
  { text: 'It is a brown dog', box: [90, 178, 332, 362] },
  { text: 'which looks at a red ball', box: [414, 294, 486, 366] },
];
const content = 'It is a brown dog [141, 445, 519, 905], which looks at a red ball [647, 735, 759, 915].';
const answer = [
  { choices: [{ delta: { content } }] },
  { choices: [{ delta: {}, finish_reason: 'stop' }], flashrow: { receipt, warnings: [], boxes } },
];

const template = '{% for message in messages %}{{ message.content }}{% endfor %}';
const models = [{ name: 'ferret-7b', source: `${root}weights/tales`, template, options: { contextSize: 256 } }];
const server = createServer({ models, memory: '12MB' });
const { url, close } = await listen(server, { port: 0 });
const browser = await chromium.launch({
  executablePath: process.env.FLASHROW_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1060 } });
  const body = [...answer.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('');
  await page.route('**/v1/chat/completions', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
  await page.goto(url);
  const file = { name: 'garden.png', mimeType: 'image/png', buffer: drawing() };
  await page.getByLabel('Picture', { exact: true }).setInputFiles(file);
  await page.locator('canvas.picture.open').waitFor();
  const shown = await page.locator('canvas.picture.open').boundingBox();
  const place = (x, y) => [shown.x + (x * shown.width) / WIDTH, shown.y + (y * shown.height) / HEIGHT];
  await page.mouse.move(...place(85, 170));
  await page.mouse.down();
  await page.mouse.move(...place(335, 366), { steps: 4 });
  await page.mouse.up();
  await page.getByLabel('Your message').fill('What is <region>, and where does it look?');
  await page.getByLabel('Your message').press('Enter');
  await page.locator('.turn.assistant .receipt').waitFor();
  await page.locator('section.chat').screenshot({ path: `${root}docs/page/picture.png` });
} finally {
  await browser.close();
  await close();
}
