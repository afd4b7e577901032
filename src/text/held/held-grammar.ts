import type { AnswerGrammar } from '../../grammar/constraint.js';
import { freeText, type Mark } from '../../grammar/free-text.js';
import { Grammar, type NodeId } from '../../grammar/grammar.js';
import { JsonGrammar } from '../../grammar/json.js';
import { formatNode, type ResponseFormat } from '../../grammar/response-format.js';
import type { HeldForm } from '../dialects/dialect.js';
import type { HeldAnswer, OpenedMessage } from '../dialects/dialects.js';
import { beginsBare } from './bare-calls.js';
import { CallGrammar } from './call-grammar.js';
import { channelCall, channelFormat, channelText } from './channel-calls.js';

/** What an answer may be, and what of the tools it may not keep, each in a sentence. */
export interface HeldGrammar {
  answer: AnswerGrammar;
  warnings: readonly string[];
}

/**
 * The answers of a model that may call tools: text, and calls of these tools with arguments that keep their schemas. A
 * format that is not `text` takes the place of the text: the answer is then calls alone, or keeps it. Throws
 * UNSUPPORTED or BAD_USAGE where the format cannot be kept, or the schema of a tool that is `strict`, and BAD_USAGE
 * where that of any tool is wrong. `opened` is what the prompt began in channels.
 */
export function heldGrammar(held: HeldAnswer, format: ResponseFormat, opened?: OpenedMessage): HeldGrammar {
  const json = new JsonGrammar(new Grammar());
  const calls = new CallGrammar(json, held);
  const root =
    held.forms === 'channels' ? inChannels(calls, held, format, opened) : rootOf(calls, held.forms, held.must, format);
  const holdsReasoning = held.forms === 'channels';
  const answer = { grammar: json.grammar, root, character: json.character, holdsReasoning };
  return { answer, warnings: calls.warnings };
}

function inChannels(calls: CallGrammar, { must }: HeldAnswer, format: ResponseFormat, opened?: OpenedMessage): NodeId {
  if (must) return channelCall(calls);
  if (format.type === 'text') return channelText(calls, opened);
  return channelFormat(calls, formatNode(calls.json, format), opened);
}

function rootOf(calls: CallGrammar, forms: readonly HeldForm[], must: boolean, format: ResponseFormat): NodeId {
  if (must) return callsFrom(calls, forms);
  if (format.type === 'text') return textWithCalls(calls, forms);
  return calls.grammar.choice(callsAlone(calls, forms), formatNode(calls.json, format));
}

/** Text in which calls are held. */
function textWithCalls(calls: CallGrammar, forms: readonly HeldForm[]): NodeId {
  const { grammar } = calls;
  const named = forms.filter(({ named: isNamed }) => isNamed).map((each) => ({ form: each, rule: grammar.rule() }));
  // Schemas are looked at before these are known: no rule may stay open.
  for (const { rule } of named) rule.define(grammar.choice());
  const marks = [
    ...marksOf(calls, forms),
    ...named.flatMap(({ form: { open }, rule }) =>
      calls.markBytes(open).map((bytes) => ({ bytes, follow: () => rule.node })),
    ),
  ];
  const free = freeText(grammar, marks, true);
  const then = calls.once ? grammar.empty : free.text;
  for (const { form: each, rule } of named) rule.define(beginsBare(calls, each, free, then));
  const bare = forms.find(({ open }) => open === '');
  return bare ? beginsBare(calls, bare, free, grammar.empty) : free.text;
}

/** The marks that begin calls, wherever they stand. Two forms may have one of them. */
function marksOf(calls: CallGrammar, forms: readonly HeldForm[]): Mark[] {
  const { grammar } = calls;
  const marked = forms.filter(({ open, named }) => open !== '' && !named);
  return [...new Set(marked.map(({ open }) => open))].flatMap((open) => {
    const rest = grammar.choice(...marked.filter((form) => form.open === open).map((form) => calls.form(form)));
    const follow = (text: NodeId) => (calls.once ? rest : grammar.sequence(rest, text));
    return calls.markBytes(open).map((bytes) => ({ bytes, follow }));
  });
}

/** Calls, and nothing else but white space. */
function callsAlone(calls: CallGrammar, forms: readonly HeldForm[]): NodeId {
  const { grammar, json } = calls;
  const bare = forms.filter(({ open }) => open === '').map((form) => grammar.sequence(calls.form(form), json.space));
  const marked = markedCall(calls, forms);
  if (marked === null) return grammar.choice(...bare);
  return grammar.choice(grammar.sequence(json.space, marked, moreCalls(calls, marked)), ...bare);
}

/** The same, where the first is of the first form, and stands at the beginning. */
function callsFrom(calls: CallGrammar, forms: readonly HeldForm[]): NodeId {
  const { grammar, json } = calls;
  const [form] = forms;
  if (form.open === '') return grammar.sequence(calls.form(form), json.space);
  return grammar.sequence(calls.mark(form.open), calls.form(form), moreCalls(calls, markedCall(calls, forms)!));
}

/** A call behind its mark, in any form that has one of its own; null where none has. */
function markedCall(calls: CallGrammar, forms: readonly HeldForm[]): NodeId | null {
  const marked = forms.filter(({ open, named }) => open !== '' && !named);
  if (marked.length === 0) return null;
  return calls.grammar.choice(...marked.map((form) => calls.grammar.sequence(calls.mark(form.open), calls.form(form))));
}

/** What may follow a call in the midst of others: white space may stand behind the last, too. */
function moreCalls({ grammar, json, once }: CallGrammar, call: NodeId): NodeId {
  if (once) return grammar.empty;
  const more = grammar.repeat(grammar.sequence(json.space, call), 0, Number.POSITIVE_INFINITY);
  return grammar.sequence(more, json.space);
}
