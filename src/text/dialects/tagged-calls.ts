import type { Found, ToolSignature, WrittenCall } from './dialect.js';
import { afterSpace, jsonOf, markAt, putMember } from './json-value.js';
import { typedValue } from './typed-value.js';

/** How calls are written as tags around bare texts. */
export interface Tags {
  /** What begins a call, up to its name; the tag ends with `>`. */
  call: string;
  callEnd: string;
  parameter: string;
  parameterEnd: string;
  /** What ends the list of calls; null where it is one call. */
  end: string | null;
  /** The name within a tag, and whether its value is a text, where the tag says it. Null for a tag that is none. */
  nameOf(tag: string): { name: string; isText?: boolean } | null;
}

/** Reads calls up to `tags.end`. */
export function readTaggedCalls(tags: Tags, body: string, final: boolean, tools: readonly ToolSignature[]): Found {
  const calls: WrittenCall[] = [];
  let at = 0;
  for (;;) {
    at = afterSpace(body, at);
    if (calls.length > 0) {
      if (tags.end === null) return { calls, length: at };
      const ended = markAt(body, at, tags.end);
      if (ended === true) return { calls, length: at + tags.end.length };
      if (ended === 'more' && final) return { calls, length: body.length };
      if (ended === 'more') return 'more';
    }
    const read = readCall(tags, body, at, tools);
    if (typeof read === 'string') return read;
    calls.push(read.call);
    at = read.end;
  }
}

function readCall(
  tags: Tags,
  body: string,
  from: number,
  tools: readonly ToolSignature[],
): { call: WrittenCall; end: number } | 'more' | 'bad' {
  const head = readTag(body, from, tags.call, tags);
  if (typeof head === 'string') return head;
  const tool = tools.find(({ name }) => name === head.name);
  const given: Record<string, unknown> = {};
  let at = head.end;
  for (;;) {
    at = afterSpace(body, at);
    const ended = markAt(body, at, tags.callEnd);
    if (ended === true) return { call: { name: head.name, arguments: given }, end: at + tags.callEnd.length };
    if (ended === 'more') return 'more';
    const key = readTag(body, at, tags.parameter, tags);
    if (typeof key === 'string') return key;
    const end = endOfValue(body, key.end, tags.parameterEnd, [tags.parameter, tags.callEnd]);
    if (end === 'more') return 'more';
    const raw = withoutBreaks(body.slice(key.end, end));
    putMember(given, key.name, argumentOf(raw, key, tool));
    at = end + tags.parameterEnd.length;
  }
}

function readTag(
  body: string,
  at: number,
  open: string,
  { nameOf }: Tags,
): { name: string; isText?: boolean; end: number } | 'more' | 'bad' {
  const begun = markAt(body, at, open);
  if (begun !== true) return begun === 'more' ? 'more' : 'bad';
  const end = body.indexOf('>', at + open.length);
  if (end < 0) return body.length - at > LONGEST_TAG ? 'bad' : 'more';
  const named = end - at > LONGEST_TAG ? null : nameOf(body.slice(at + open.length, end));
  return named && named.name !== '' ? { ...named, end: end + 1 } : 'bad';
}

const LONGEST_TAG = 512;

function argumentOf(
  raw: string,
  { name, isText }: { name: string; isText?: boolean },
  tool: ToolSignature | undefined,
) {
  if (isText === undefined) return typedValue(raw, name, tool);
  const value = isText ? undefined : jsonOf(raw);
  return value === undefined ? raw : value;
}

/**
 * Where the value ends that begins at `from`: at the first closing tag that one of `followers` stands behind, as a
 * value may hold such tags itself.
 */
export function endOfValue(body: string, from: number, close: string, followers: readonly string[]): number | 'more' {
  for (let end = body.indexOf(close, from); end >= 0; end = body.indexOf(close, end + 1)) {
    const behind = afterSpace(body, end + close.length);
    const follows = followers.map((mark) => markAt(body, behind, mark));
    if (follows.includes(true)) return end;
    if (follows.includes('more')) return 'more';
  }
  return 'more';
}

/** A value on lines of its own has a line break before and behind that is not part of it. */
export const withoutBreaks = (raw: string): string => raw.replace(/^\r?\n/, '').replace(/\r?\n$/, '');
