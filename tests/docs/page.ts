import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import GithubSlugger from 'github-slugger';
import { marked, type Token, type Tokens } from 'marked';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** A fence, and the output that the page shows for it: the `text` or `json` fence right after it. */
export interface Snippet {
  language: string;
  code: string;
  /** Why it does not run; null where it does. */
  notRun: string | null;
  exitCode: number;
  output: { text: string; keysOnly: boolean } | null;
}

export interface Page {
  /** From the repository's root. */
  path: string;
  links: string[];
  /** What `#` may name. */
  anchors: Set<string>;
  /** What stands between backticks. */
  codeSpans: string[];
  snippets: Snippet[];
}

/** Markdown files of a folder of the repository, those of its folders too where `deep`. */
export const pagesIn = (folder: string, deep: boolean): string[] =>
  readdirSync(join(REPOSITORY, folder), { recursive: deep, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

export const readPage = (path: string): Page => parsePage(path, readFileSync(join(REPOSITORY, path), 'utf8'));

export function parsePage(path: string, markdown: string): Page {
  const tokens = marked.lexer(markdown);
  const slugger = new GithubSlugger();
  const page: Page = { path, links: [], anchors: new Set(), codeSpans: [], snippets: snippetsOf(tokens) };
  marked.walkTokens(tokens, (token) => {
    if (token.type === 'heading') page.anchors.add(slugger.slug(plainText(token)));
    if (token.type === 'link' || token.type === 'image') page.links.push(token.href);
    if (token.type === 'codespan') page.codeSpans.push(token.text);
  });
  return page;
}

/** What is wrong with a page's links; http links are checked for their form alone. */
export function brokenLinks(page: Page): string[] {
  return page.links.flatMap((href) => {
    if (/^https?:/.test(href)) return URL.canParse(href) ? [] : [`${href} is no URL`];
    const [target, anchor] = href.split('#');
    const path = target === '' ? page.path : relative('.', join(dirname(page.path), decodeURI(target)));
    if (target !== '' && !existsSync(join(REPOSITORY, path))) return [`${href}: there is no ${path}`];
    if (anchor === undefined) return [];
    const { anchors } = target === '' ? page : readPage(path);
    return anchors.has(anchor) ? [] : [`${href}: ${path} has no heading #${anchor}`];
  });
}

/** Paths of the repository that a page names and that are not there. */
export function missingPaths(page: Page): string[] {
  const isPath = /^(src|native-bridge|bench|tests|docs|weights|examples)\/[\w./-]+$/;
  return page.codeSpans.filter((text) => isPath.test(text) && !existsSync(join(REPOSITORY, text)));
}

function snippetsOf(tokens: readonly Token[]): Snippet[] {
  const blocks = tokens.flatMap((token) => [token, ...nestedBlocks(token)]).filter(({ type }) => type !== 'space');
  return blocks.flatMap((token, at) => {
    if (token.type !== 'code') return [];
    const { language, info } = infoOf(token as Tokens.Code);
    if (language === 'text' || language === 'json') return [];
    const next = blocks[at + 1];
    const output = next?.type === 'code' ? infoOf(next as Tokens.Code) : null;
    const shown = output !== null && (output.language === 'text' || output.language === 'json');
    return {
      language,
      code: token.text,
      notRun: /not-run="([^"]+)"/.exec(info)?.[1] ?? null,
      exitCode: Number(/exit=(\d+)/.exec(info)?.[1] ?? 0),
      output: shown ? { text: (next as Tokens.Code).text, keysOnly: /\bkeys\b/.test(output.info) } : null,
    };
  });
}

/** Fences inside of lists and quotes. */
const nestedBlocks = (token: Token): Token[] => {
  const inner: Token[] = token.type === 'list' ? token.items : token.type === 'list_item' ? token.tokens : [];
  return [...inner, ...inner.flatMap(nestedBlocks)];
};

/** An indented block has no language, so nobody could say whether it runs. */
function infoOf({ lang, codeBlockStyle }: Tokens.Code): { language: string; info: string } {
  if (codeBlockStyle === 'indented') return { language: 'indented', info: '' };
  const [language, ...info] = (lang ?? '').split(' ');
  return { language, info: info.join(' ') };
}

const plainText = (token: Token): string =>
  'tokens' in token && token.tokens ? token.tokens.map(plainText).join('') : 'text' in token ? token.text : '';
