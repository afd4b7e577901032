import { FlashrowError, shown } from '../errors.js';
import { toStandIns } from './byte-level.js';
import { DIGIT_GROUPS, type Matches } from './digit-groups.js';
import { GPT2_PATTERN } from './gguf/gguf-pre-tokenizers.js';
import { isRecord } from './json-shape.js';
import { SplitPreTokenizer } from './tokenizers-library.js';

/**
 * Cuts text into pieces, which merge separately, one after the other as they are asked for. `first` is true where the
 * text begins the input.
 */
export type PreTokenizer = (text: string, first: boolean) => Iterable<string>;

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
    case 'BertPreTokenizer':
      return sequence({ pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Punctuation' }] });
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
  return (text, first) => steps.reduce<Iterable<string>>((pieces, step) => each(pieces, step, first), [text]);
}

function* each(pieces: Iterable<string>, step: PreTokenizer, first: boolean): Generator<string> {
  let isFirst = first;
  for (const piece of pieces) {
    yield* step(piece, isFirst);
    isFirst = false;
  }
}

function byteLevel(config: Json): PreTokenizer {
  const prefix = config.add_prefix_space === true;
  const split = config.use_regex === false ? null : splitter({ Regex: GPT2_PATTERN }, 'Isolated');
  return function* cut(text, first) {
    const prefixed = prefix && !text.startsWith(' ') ? ` ${text}` : text;
    for (const piece of split ? split(prefixed, first) : [prefixed]) yield toStandIns(piece);
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
      const found = text.matchAll(regExp);
      for (let match = next(found); match !== null; match = next(found))
        yield [match.index, match.index + match[0].length];
    };
  } catch (cause) {
    const message = `tokenizer.json's pattern ${shown(pattern)} cannot be written as a JavaScript RegExp`;
    throw new FlashrowError('UNSUPPORTED', message, { pattern }, { cause });
  }
}

/** The next match. A pattern goes through a run of characters on a stack, which may not hold millions of them. */
function next(found: Iterator<RegExpExecArray>): RegExpExecArray | null {
  try {
    const step = found.next();
    return step.done ? null : step.value;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message =
      'the text has a run of millions of characters that nothing cuts, which is too long for the tokenizer';
    throw new FlashrowError('UNSUPPORTED', message, { part: 'pre_tokenizer' }, { cause });
  }
}

/** The whole text in order. An empty match cuts the text, and is left out. */
function* segments(text: string, matches: Matches, invert: boolean): Generator<Segment> {
  let end = 0;
  for (const [from, to] of matches(text)) {
    if (from > end) yield { text: text.slice(end, from), matched: invert };
    if (to > from) yield { text: text.slice(from, to), matched: !invert };
    end = to;
  }
  if (end < text.length) yield { text: text.slice(end), matched: invert };
}

/** Joins a segment to the one before it where `together` says so. */
function* joined(
  parts: Iterable<Segment>,
  together: (before: Segment, segment: Segment) => boolean,
): Generator<string> {
  let before: Segment | null = null;
  let piece = '';
  for (const part of parts) {
    if (before !== null && together(before, part)) piece += part.text;
    else {
      if (before !== null) yield piece;
      piece = part.text;
    }
    before = part;
  }
  if (before !== null) yield piece;
}

const BEHAVIORS: Record<string, (parts: Iterable<Segment>) => Generator<string>> = {
  *Isolated(parts) {
    for (const { text } of parts) yield text;
  },
  *Removed(parts) {
    for (const { text, matched } of parts) if (!matched) yield text;
  },
  Contiguous: (parts) => joined(parts, (before, segment) => before.matched === segment.matched),
  MergedWithPrevious: (parts) => joined(parts, (before, segment) => segment.matched && !before.matched),
  MergedWithNext: (parts) => joined(parts, (before, segment) => before.matched && !segment.matched),
};
