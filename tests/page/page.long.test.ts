import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Served, serveTales } from '../server/support.js';
import { TALES } from '../support/shipped.js';
import { CHROMIUM, openBrowser, WITHOUT_BROWSER } from './browser.js';

const STORY = 'Once upon a time';

describe.skipIf(!CHROMIUM)(`the page in a browser${WITHOUT_BROWSER}`, () => {
  let browser: Browser;
  let open: Served;
  let guarded: Served;
  let page: Page;
  /** What the browser complained of: errors of scripts, and what the policy blocked. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await openBrowser();
    open = await serveTales({ memory: '9MB' });
    guarded = await serveTales({ memory: '9MB', apiKey: 'secret' });
    await open.server.load();
    await guarded.server.load();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await open?.end();
    await guarded?.end();
  });
  beforeEach(async () => {
    page = await newPage({ width: 1600, height: 1000 });
  });
  afterEach(async () => {
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  async function newPage(viewport: { width: number; height: number }): Promise<Page> {
    const context = await browser.newContext({ viewport });
    const opened = await context.newPage();
    complaints = [];
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('console', (message) => {
      // A refused key is told in the console by the browser itself.
      if (message.type() === 'error' && !/\b(401|favicon)\b/.test(message.text())) complaints.push(message.text());
    });
    return opened;
  }

  const message = () => page.getByLabel('Your message');
  const answer = (at = 0) => page.locator('.turn.assistant').nth(at);
  const visit = (served: Served) => page.goto(served.listening.url);
  /** How many colours the picture has: one, until something is read or found. */
  const picture = () =>
    // biome-ignore lint/suspicious/noExplicitAny: an element of the browser, which these tests have no types of
    page.locator('canvas.map').evaluate((canvas: any) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set<number>();
      for (let at = 0; at < data.length; at += 4) colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
      return { colours: colours.size, width: canvas.width, height: canvas.height };
    });
  async function limit(tokens: number): Promise<void> {
    await page.getByText('Settings').click();
    await page.getByLabel('Tokens at most').fill(String(tokens));
  }

  it('chats by keyboard, shows what bundles do meanwhile, and the receipt', async () => {
    await visit(open);
    await page.locator('canvas.map').waitFor();
    expect(await picture()).toMatchObject({ colours: 1, height: 8 });
    await limit(60);
    await message().focus();
    await page.keyboard.type(STORY);
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await picture()).colours, { timeout: 60_000 }).toBeGreaterThan(10);
    await answer().locator('.receipt').waitFor({ timeout: 60_000 });
    expect(await answer().locator('.text').textContent()).not.toBe('');
    expect(await answer().locator('.receipt summary').textContent()).toMatch(
      /^60 tokens, [\d.]+ tokens\/s · [\d.]+ [kM]?B read, [\d.]+ % found in memory$/,
    );
    expect(await answer().textContent()).toMatch('Cut off');
    await answer().locator('.receipt summary').click();
    expect(await answer().getByRole('row', { name: 'Waiting for flash' }).isVisible()).toBe(true);
    expect(await page.locator('canvas.map').getAttribute('aria-label')).toMatch(/^8 layers; .*: \d+ units found/);
    await expect.poll(() => page.getByText('Found in memory').first().textContent()).toMatch(/%/);
    expect(await page.getByText('of the budget of 9.00 MB').isVisible()).toBe(true);
    // The next turn goes on with the conversation.
    await message().fill(' and then');
    await message().press('Enter');
    await answer(1).locator('.receipt').waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'New chat' }).click();
    expect(await page.locator('.turn').count()).toBe(0);
  });

  it('chats with the other model of a server, which is loaded for that', async () => {
    const models = ['first', 'second'].map((name) => ({ name, source: TALES, options: { contextSize: 128 } }));
    const both = await serveTales({ models, memory: '20MB' });
    try {
      await visit(both);
      await page.getByLabel('Model').selectOption('second');
      await page.getByText('The model is not loaded').waitFor();
      await page.getByText('has no chat template').waitFor();
      await limit(8);
      await message().fill(STORY);
      await message().press('Enter');
      await answer().locator('.receipt').waitFor({ timeout: 60_000 });
      await page.locator('canvas.map').waitFor({ timeout: 30_000 });
      await page.getByLabel('Model').selectOption('first');
      expect(await page.locator('.turn').count()).toBe(0);
    } finally {
      await page.goto('about:blank');
      await both.end();
    }
  });

  it('stops an answer, which frees the model for the next one', async () => {
    await visit(open);
    await message().fill(STORY);
    await message().press('Enter');
    await expect.poll(() => answer().locator('.text').textContent(), { timeout: 60_000 }).not.toBe('');
    await message().press('Escape');
    await answer().getByText('Stopped.').waitFor();
    const stopped = await answer().locator('.text').textContent();
    await limit(5);
    await message().fill('The dog');
    await message().press('Enter');
    await answer(1).locator('.receipt').waitFor({ timeout: 60_000 });
    expect(await answer().locator('.text').textContent()).toBe(stopped);
  });

  it('asks for the key, says that one is wrong, and keeps the right one for the tab', async () => {
    await visit(guarded);
    await page.getByLabel('This server asks for a key').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('the API key is not the right one').waitFor();
    await page.getByLabel('This server asks for a key').fill('secret');
    await page.keyboard.press('Enter');
    await page.locator('canvas.map').waitFor({ timeout: 30_000 });
    expect(await page.locator('.key').count()).toBe(0);
    await page.reload();
    await page.locator('canvas.map').waitFor({ timeout: 30_000 });
    expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
  });

  it('says what another budget would give, by forecast and by a replay of what was just seen', async () => {
    await visit(open);
    const slider = page.getByLabel('What would another budget give?');
    await slider.waitFor({ timeout: 60_000 });
    await limit(20);
    await message().fill(STORY);
    await message().press('Enter');
    await answer().locator('.receipt').waitFor({ timeout: 60_000 });
    await slider.focus();
    await page.keyboard.press('End');
    const shares = async (name: string) => {
      const row = page.getByRole('row', { name });
      await row.getByRole('cell').nth(1).waitFor({ timeout: 60_000 });
      return (await row.getByRole('cell').allTextContents()).map(Number.parseFloat);
    };
    const [, cached] = await shares('Held by the cache');
    expect(cached).toBeGreaterThan(90);
    const [own, other] = await shares('Replay: found in memory');
    expect(own).toBeGreaterThan(0);
    expect(other).toBeGreaterThan(own);
  });

  it.each([
    [360, 740],
    [1600, 900],
  ])('fits a window %i pixels wide, dark and light', async (width, height) => {
    await page.context().close();
    page = await newPage({ width, height });
    await visit(open);
    await limit(12);
    await message().fill(`${STORY} ${'wordwithoutanend'.repeat(20)}`);
    await message().press('Enter');
    await answer().locator('.receipt').waitFor({ timeout: 60_000 });
    await page.getByLabel('What would another budget give?').waitFor({ timeout: 60_000 });
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    }
    expect(await page.getByRole('button', { name: 'Send' }).isVisible()).toBe(true);
  });

  it('shows what a model writes as text, whatever it is', async () => {
    await page.route('**/v1/chat/completions', (route) => {
      const choice = (delta: object, finish_reason: string | null = null) =>
        `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
      const body = [
        choice({ reasoning_content: 'I think.' }),
        choice({ content: '<img src=x onerror="document.title=1"><b>bold</b> \u001b[31m\u202egnol\u0007' }),
        choice({}, 'stop'),
        'data: [DONE]\n\n',
      ].join('');
      return route.fulfill({ contentType: 'text/event-stream', body });
    });
    await visit(open);
    await message().fill(STORY);
    await message().press('Enter');
    const text = answer().locator(':scope > .text');
    await expect.poll(() => text.textContent()).toMatch('gnol');
    expect(await text.textContent()).toBe(
      '<img src=x onerror="document.title=1"><b>bold</b> \u241b[31m\u2039202E\u203agnol\u2407',
    );
    expect(await answer().locator('img, b').count()).toBe(0);
    expect(await page.title()).toBe('flashrow');
    // Reasoning is folded away until it is asked for.
    const reasoning = answer().locator('.reasoning .text');
    expect(await reasoning.isVisible()).toBe(false);
    await answer().getByText('Reasoning').click();
    expect(await reasoning.isVisible()).toBe(true);
  });

  it('says so when the server is gone', async () => {
    const brief = await serveTales({ memory: '9MB' });
    await visit(brief);
    await message().waitFor();
    await brief.end();
    await message().fill(STORY);
    await message().press('Enter');
    await answer().getByRole('alert').waitFor({ timeout: 30_000 });
    expect(await answer().getByRole('alert').textContent()).toMatch('cannot be reached');
    complaints = complaints.filter((text) => !/ERR_|Failed to load/.test(text));
  });
});
