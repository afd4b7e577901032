import { afterAll, describe, expect, it } from 'vitest';
import { brokenLinks, missingPaths, pagesIn, parsePage, readPage } from './page.js';
import { Desk, differentKeys } from './run-snippet.js';

const RUNNING = ['README.md', 'CONTRIBUTING.md', ...pagesIn('docs', true)];
const LINKED = [...RUNNING, 'CHANGELOG.md', ...pagesIn('bench', false), ...pagesIn('bench/results', false)].concat(
  pagesIn('weights', true),
);

const desk = new Desk();
afterAll(() => desk.clear());

describe.each(LINKED.map(readPage))('$path', (page) => {
  it('links to what is there', () => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('names paths that are there', () => {
    expect(missingPaths(page)).toEqual([]);
  });
});

describe.each(RUNNING.map(readPage).filter(({ snippets }) => snippets.length > 0))('the snippets of $path', (page) => {
  it.each(page.snippets.filter(({ notRun }) => notRun === null))('run: $code', async (snippet) => {
    expect(await desk.fault(snippet)).toBeNull();
  });

  it('run, or say why they do not', () => {
    const silent = page.snippets.filter(({ language, notRun }) => notRun === null && !['sh', 'js'].includes(language));
    expect(silent.map(({ code }) => code)).toEqual([]);
  });
});

describe('the test itself', () => {
  const planted = (markdown: string) => parsePage('docs/planted.md', markdown);
  const fault = (markdown: string) => desk.fault(planted(markdown).snippets[0]);

  it('sees a link to a file that is not there', () => {
    expect(brokenLinks(planted('[a](nowhere.md)'))).toEqual(['nowhere.md: there is no docs/nowhere.md']);
  });

  it('sees a link to a heading that is not there', () => {
    expect(brokenLinks(planted('# Here\n[a](#here) [b](#there)'))).toEqual([
      '#there: docs/planted.md has no heading #there',
    ]);
    expect(brokenLinks(planted('[a](../README.md#measured) [b](../README.md#none)'))).toHaveLength(1);
  });

  it('sees a path that is not there', () => {
    expect(missingPaths(planted('`src/index.ts` and `src/nowhere.ts`'))).toEqual(['src/nowhere.ts']);
  });

  it('sees a command that fails', async () => {
    expect(await fault('```sh\nflashrow run weights/tales --promt hi\n```')).toMatch(
      /^it ended with 2, not 0:.*--promt/s,
    );
  });

  it('sees a command that succeeds where the page says that it fails', async () => {
    expect(await fault('```sh exit=1\nflashrow --version\n```')).toMatch(/^it ended with 0, not 1/);
  });

  it('sees output that differs from what the page shows', async () => {
    expect(await fault('```js\nconsole.log(1);\n```\n\n```text\n2\n```')).toMatch(
      /^the page shows\n2\nand it prints\n1/,
    );
  });

  it('sees a language that does not run, and a block without one', async () => {
    expect(await fault('```ts\nlet a: number;\n```')).toMatch(/language "ts"/);
    expect(await fault('text\n\n    npm test\n')).toMatch(/language "indented"/);
  });

  it('sees JSON of other names or types', () => {
    expect(differentKeys({ a: [{ b: 1 }] }, { a: [{ b: 2 }, {}] })).toBeNull();
    expect(differentKeys({ a: [{ b: 1 }] }, { a: [{ c: 2 }] })).toBe('it.a[0] has c, not b');
    expect(differentKeys({ a: 1 }, { a: 'x' })).toBe('it.a is "x", not like 1');
  });
});
