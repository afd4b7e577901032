import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileState, isSameState } from '../disk/file-state.js';
import { replaceFile } from '../disk/replace-file.js';
import { type Manifest, SOURCES_FILE } from './manifest.js';

/** More copies of one checkpoint than anybody keeps. */
const MOST_KNOWN = 16;

/** States of a checkpoint's files, in order, in which they were found to hold what the store was made of. */
type KnownState = FileState[];

interface KnownSources {
  /** The digest of what they hold (`Manifest.source.content`). */
  content: string;
  states: KnownState[];
}

/** Whether the files of a checkpoint, in these states, are known to hold `content`. */
export const isKnown = (storePath: string, content: string, states: KnownState): boolean =>
  readKnown(storePath, content).some((known) => isSame(known, states));

/** Notes that files in these states hold `content`. Where the store cannot be written to they are compared again. */
export function rememberSource(storePath: string, content: string, states: KnownState): void {
  const path = join(storePath, SOURCES_FILE);
  const others = readKnown(storePath, content).filter((known) => !isSame(known, states));
  const known: KnownSources = { content, states: [states, ...others].slice(0, MOST_KNOWN) };
  try {
    replaceFile(path, (file) => writeFileSync(file, JSON.stringify(known)));
  } catch {
    // The store cannot be written to.
  }
}

/** The paths of all files that were found to hold what the store `manifest` describes was made of, links followed. */
export const knownPaths = (storePath: string, { source }: Pick<Manifest, 'source'>): string[] =>
  source.content === null ? [] : readKnown(storePath, source.content).flatMap((known) => known.map(({ path }) => path));

/** Empty where the file is missing or damaged, or speaks of another content. */
function readKnown(storePath: string, content: string): KnownState[] {
  try {
    const known = JSON.parse(readFileSync(join(storePath, SOURCES_FILE), 'utf8')) as KnownSources;
    return known.content === content ? known.states.filter(Array.isArray) : [];
  } catch {
    return [];
  }
}

const isSame = (a: KnownState, b: KnownState): boolean =>
  a.length === b.length && a.every((state, index) => isSameState(state, b[index]));
