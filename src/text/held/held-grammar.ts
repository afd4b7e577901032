import type { AnswerGrammar } from '../../grammar/constraint.js';
import { freeText } from '../../grammar/free-text.js';
import { Grammar, type NodeId } from '../../grammar/grammar.js';
import { JsonGrammar } from '../../grammar/json.js';
import { markBytes, markNode } from '../../grammar/marks.js';
import { formatNode, type ResponseFormat } from '../../grammar/response-format.js';
import type { HeldForm } from '../dialects/dialect.js';
import type { HeldAnswer } from '../dialects/dialects.js';
import { beginsBare } from './bare-calls.js';
import { CallGrammar } from './call-grammar.js';
import { channelCalls } from './channel-calls.js';

/** What an answer may be, and what of the tools it may not keep, each in a sentence. */
export interface HeldGrammar {
  answer: AnswerGrammar;
  warnings: readonly string[];
}

/**
 * The answers of a model that may call tools: text, and calls of these tools with arguments that keep their schemas. A
 * format that is not `text` takes the place of the text: the answer is then calls alone, or keeps it. Throws
 * UNSUPPORTED or BAD_USAGE where the format cannot be kept, or the schema of a tool that is `strict`.
 */
export function heldGrammar(held: HeldAnswer, format: ResponseFormat): HeldGrammar {
  const json = new JsonGrammar(new Grammar());
  const calls = new CallGrammar(json, held);
  const root = rootOf(calls, held, format);
  return { answer: { grammar: json.grammar, root, character: json.character }, warnings: calls.warnings };
}

function rootOf(calls: CallGrammar, { forms, must }: HeldAnswer, format: ResponseFormat): NodeId {
  if (forms === 'channels') {
    const { text, called } = channelCalls(calls);
    return must ? called : text;
  }
  if (format.type === 'text') return textWithCalls(calls, forms, must);
  const list = callsAlone(calls, forms);
  return must ? list : calls.grammar.choice(list, formatNode(calls.json, format));
}

/** Text in which calls are held; where it must, it begins with one, in the first form. */
function textWithCalls(calls: CallGrammar, forms: readonly HeldForm[], must: boolean): NodeId {
  const { grammar } = calls;
  const marks = forms
    .filter(({ open }) => open !== '')
    .flatMap((form) => {
      const rest = calls.form(form);
      const follow = (text: NodeId) => (calls.once ? rest : grammar.sequence(rest, text));
      return markBytes(form.open).map((bytes) => ({ bytes, follow }));
    });
  const free = freeText(grammar, marks, true);
  const [form] = forms;
  if (must && form.open === '') return calls.form(form);
  if (must)
    return grammar.sequence(markNode(grammar, form.open), calls.form(form), calls.once ? grammar.empty : free.text);
  const bare = forms.find(({ open }) => open === '');
  return bare ? beginsBare(calls, bare, free) : free.text;
}

/** Calls, and nothing else but white space. */
function callsAlone(calls: CallGrammar, forms: readonly HeldForm[]): NodeId {
  const { grammar, json } = calls;
  const marked = forms
    .filter(({ open }) => open !== '')
    .map((form) => grammar.sequence(markNode(grammar, form.open), calls.form(form)));
  const bare = forms.filter(({ open }) => open === '').map((form) => calls.form(form));
  if (marked.length === 0) return grammar.choice(...bare);
  const one = grammar.choice(...marked);
  const more = grammar.repeat(grammar.sequence(json.space, one), 0, calls.once ? 0 : Number.POSITIVE_INFINITY);
  return grammar.choice(grammar.sequence(json.space, one, more), ...bare);
}
