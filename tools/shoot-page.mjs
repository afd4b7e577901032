/**
 * Makes the pictures of the server's page in docs/page, with the shipped model. Needs a build, and chromium on the PATH
 * or in FLASHROW_CHROMIUM.
 */
import { fileURLToPath } from 'node:url';
import { createServer, listen } from 'flashrow/server';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = `${root}weights/tales`;
const server = createServer({ models: [{ name: 'tales', source, options: { contextSize: 256 } }], memory: '8MB' });
const { url, close } = await listen(server, { port: 0 });
const browser = await chromium.launch({
  executablePath: process.env.FLASHROW_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
await server.load();

async function shoot(name, viewport, colorScheme, tokens) {
  const page = await browser.newPage({ viewport, colorScheme });
  await page.goto(url);
  await page.getByLabel('What would another budget give?').waitFor({ timeout: 60_000 });
  await page.getByText('Settings').click();
  await page.getByLabel('Tokens at most').fill(String(tokens));
  await page.getByLabel('Temperature').fill('0');
  await page.getByText('Settings').click();
  for (const text of ['Once upon a time there was a little dog', 'One day, a girl named Lily went to the park']) {
    await page.getByLabel('Your message').fill(text);
    await page.getByLabel('Your message').press('Enter');
    // The picture is taken in the middle of the second answer.
    if (!text.startsWith('Once')) continue;
    await page.locator('.receipt').first().waitFor({ timeout: 60_000 });
    await page.getByLabel('What would another budget give?').fill('34');
    await page.getByRole('row', { name: 'Replay: found' }).getByRole('cell').nth(1).waitFor({ timeout: 60_000 });
  }
  const words = page.locator('.turn.assistant').nth(1).locator('.text');
  while (((await words.textContent()) ?? '').length < 2 * tokens) await page.waitForTimeout(20);
  await page.screenshot({ path: `${root}docs/page/${name}.png` });
  await page.close();
}

try {
  await shoot('wide', { width: 1200, height: 1330 }, 'dark', 80);
  await shoot('narrow', { width: 360, height: 720 }, 'light', 40);
} finally {
  await browser.close();
  await close();
}
