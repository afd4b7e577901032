import { FlashrowError, shown } from '../errors.js';
import { toStandIns } from './byte-level.js';
import { DIGIT_GROUPS, type Matches } from './digit-groups.js';
import { GPT2_PATTERN } from './gguf/gguf-pre-tokenizers.js';
import { isRecord } from './json-shape.js';
import { SplitPreTokenizer } from './tokenizers-library.js';

/** Cuts text into pieces, which merge separately. `first` is true where the text begins the input. */
export type PreTokenizer = (text: string, first: boolean) => string[];

/** The meaning of \w in Rust's regular expressions. Other patterns are for Oniguruma, where \w differs. */
export const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';

type Json = Record<string, unknown>;

/**
 * tokenizer.json's `pre_tokenizer`, with the meaning of the Rust library behind Hugging Face's fast tokenizers. The
 * library in JavaScript translates the patterns (Oniguruma to RegExp). Its own steps are not used: they lose digits
 * other than ASCII's, isolated punctuation and the merging behaviours. Throws UNSUPPORTED or CORRUPT.
 */
export function createPreTokenizer(config: unknown): PreTokenizer {
  if (config === null || config === undefined) return (text) => [text];
  if (!isRecord(config)) throw new FlashrowError('CORRUPT', "tokenizer.json's pre_tokenizer is not an object");
  switch (config.type) {
    case 'Sequence':
      return sequence(config);
    case 'ByteLevel':
      return byteLevel(config);
    case 'Metaspace':
      return metaspace(config);
    case 'Split':
      return splitter(config.pattern, config.behavior, config.invert === true);
    case 'Digits':
      return splitter({ Regex: config.individual_digits === true ? '\\p{N}' : '\\p{N}+' }, 'Isolated');
    case 'Punctuation':
      return splitter({ Regex: '[\\p{P}!-/:-@\\[-`{-~]' }, config.behavior ?? 'Isolated');
    case 'Whitespace':
      return splitter({ Regex: `[${WORD}]+|[^${WORD}\\s]+` }, 'Removed', true);
    case 'WhitespaceSplit':
      return splitter({ Regex: '\\s+' }, 'Removed');
    default:
      throw unsupported('pre_tokenizer', config.type);
  }
}

const unsupported = (part: string, value: unknown) =>
  new FlashrowError('UNSUPPORTED', `tokenizer.json's ${part} ${shown(value)} is not supported`, {
    part,
    value,
  });

function sequence(config: Json): PreTokenizer {
  if (!Array.isArray(config.pretokenizers)) {
    throw new FlashrowError('CORRUPT', "tokenizer.json's pre_tokenizer is a Sequence without a list of pretokenizers");
  }
  const steps = config.pretokenizers.map(createPreTokenizer);
  return (text, first) =>
    steps.reduce((pieces, step) => pieces.flatMap((piece, at) => step(piece, first && at === 0)), [text]);
}

function byteLevel(config: Json): PreTokenizer {
  const prefix = config.add_prefix_space === true;
  const split = config.use_regex === false ? null : splitter({ Regex: GPT2_PATTERN }, 'Isolated');
  return (text, first) => {
    const prefixed = prefix && !text.startsWith(' ') ? ` ${text}` : text;
    return (split ? split(prefixed, first) : [prefixed]).map(toStandIns);
  };
}

function metaspace(config: Json): PreTokenizer {
  const mark = typeof config.replacement === 'string' ? config.replacement : '\u2581';
  const scheme = config.prepend_scheme ?? (config.add_prefix_space === false ? 'never' : 'always');
  const split = config.split === false ? null : splitter({ String: mark }, 'MergedWithNext');
  return (text, first) => {
    const marked = text.replaceAll(' ', mark);
    const wanted = scheme === 'always' || (scheme === 'first' && first);
    const prefixed = wanted && !marked.startsWith(mark) ? mark + marked : marked;
    return split ? split(prefixed, first) : [prefixed];
  };
}

interface Segment {
  text: string;
  matched: boolean;
}

function splitter(pattern: unknown, behavior: unknown, invert = false): PreTokenizer {
  const matches = compile(pattern);
  const arrange = typeof behavior === 'string' && Object.hasOwn(BEHAVIORS, behavior) ? BEHAVIORS[behavior] : null;
  if (!arrange) throw unsupported('Split behavior', behavior);
  return (text) => arrange(segments(text, matches, invert));
}

function compile(pattern: unknown): Matches {
  if (!isRecord(pattern) || (typeof pattern.Regex !== 'string' && typeof pattern.String !== 'string')) {
    throw new FlashrowError('CORRUPT', "tokenizer.json's Split has a pattern that is neither a Regex nor a String");
  }
  const groups = typeof pattern.Regex === 'string' ? DIGIT_GROUPS.get(pattern.Regex) : undefined;
  if (groups) return groups;
  try {
    const { pattern: regExp } = new SplitPreTokenizer({ type: 'Split', pattern, behavior: 'Isolated' });
    return function* matches(text) {
      for (const { 0: match, index } of text.matchAll(regExp)) yield [index, index + match.length];
    };
  } catch (cause) {
    const message = `tokenizer.json's pattern ${shown(pattern)} cannot be written as a JavaScript RegExp`;
    throw new FlashrowError('UNSUPPORTED', message, { pattern }, { cause });
  }
}

/** The whole text in order. An empty match cuts the text, and is left out. */
function segments(text: string, matches: Matches, invert: boolean): Segment[] {
  const result: Segment[] = [];
  let end = 0;
  for (const [from, to] of matches(text)) {
    if (from > end) result.push({ text: text.slice(end, from), matched: invert });
    if (to > from) result.push({ text: text.slice(from, to), matched: !invert });
    end = to;
  }
  if (end < text.length) result.push({ text: text.slice(end), matched: invert });
  return result;
}

/** Joins a segment to the one before it where `together` says so. */
function joined(parts: Segment[], together: (before: Segment, segment: Segment) => boolean): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < parts.length; at++) {
    if (at > 0 && together(parts[at - 1], parts[at])) pieces[pieces.length - 1] += parts[at].text;
    else pieces.push(parts[at].text);
  }
  return pieces;
}

const BEHAVIORS: Record<string, (parts: Segment[]) => string[]> = {
  Isolated: (parts) => parts.map(({ text }) => text),
  Removed: (parts) => parts.filter(({ matched }) => !matched).map(({ text }) => text),
  Contiguous: (parts) => joined(parts, (before, segment) => before.matched === segment.matched),
  MergedWithPrevious: (parts) => joined(parts, (before, segment) => segment.matched && !before.matched),
  MergedWithNext: (parts) => joined(parts, (before, segment) => before.matched && !segment.matched),
};
