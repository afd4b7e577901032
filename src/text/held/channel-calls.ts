import { freeText } from '../../grammar/free-text.js';
import type { NodeId } from '../../grammar/grammar.js';
import { markBytes, markNode } from '../../grammar/marks.js';
import type { OpenedMessage } from '../dialects/dialects.js';
import type { CallGrammar } from './call-grammar.js';

const RECIPIENT = 'to=functions.';
const OTHERS = ['start', 'channel', 'message', 'call', 'constrain', 'return'];

/**
 * Messages in Harmony's channels, from within the header of the first one, or from within the message that was opened:
 * `<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>`. A header that names a function
 * makes the message a call of it. The channel may stand behind the recipient (openai/harmony, docs/format.md).
 */
export function channelText(calls: CallGrammar, opened?: OpenedMessage): NodeId {
  const { grammar } = calls;
  const marks = (name: string, follow: () => NodeId) => markBytes(`<|${name}|>`).map((bytes) => ({ bytes, follow }));
  const call = callNode(calls);
  const header = grammar.rule();
  const headed = marks('start', () => header.node).concat(marks('channel', () => header.node));
  const messages = freeText(grammar, headed, true).text;
  const recipient = { bytes: Buffer.from(RECIPIENT), follow: () => call };
  header.define(freeText(grammar, [...marks('message', () => messages), recipient], true).text);
  return opened === undefined ? header.node : messages;
}

/** A call of one of the tools, and nothing before it. */
export const channelCall = (calls: CallGrammar): NodeId =>
  calls.grammar.sequence(markOf(calls, 'channel'), commentary(calls, callNode(calls)));

/**
 * The same where the answer has to keep a format: reasoning on the channel `analysis`, then the format on `final`, or a
 * call. A word to the user before it would be part of the answer, so there is none.
 */
export function channelFormat(calls: CallGrammar, format: NodeId, opened?: OpenedMessage): NodeId {
  const { grammar } = calls;
  const called = calls.tools.length > 0 ? [commentary(calls, callNode(calls))] : [];
  const message = grammar.rule();
  const next = grammar.sequence(markOf(calls, 'start'), grammar.literal('assistant'), message.node);
  const follow = { end: () => next, ...Object.fromEntries(OTHERS.map((name) => [name, () => grammar.choice()])) };
  const marks = Object.entries(follow).flatMap(([name, after]) =>
    markBytes(`<|${name}|>`).map((bytes) => ({ bytes, follow: after })),
  );
  const thought = freeText(grammar, marks, false).text;
  const reasoning = grammar.sequence(grammar.literal('analysis'), markOf(calls, 'message'), thought);
  const final = grammar.sequence(grammar.literal('final'), formatOf(calls), markOf(calls, 'message'), format);
  message.define(grammar.sequence(markOf(calls, 'channel'), grammar.choice(reasoning, final, ...called)));
  return opened === undefined ? message.node : opened === 'reasoning' ? thought : format;
}

const markOf = ({ grammar }: CallGrammar, name: string): NodeId => markNode(grammar, `<|${name}|>`);

const commentary = ({ grammar }: CallGrammar, call: NodeId): NodeId =>
  grammar.sequence(grammar.literal(`commentary ${RECIPIENT}`), call);

/** What a header may say of the format of its message. */
function formatOf(calls: CallGrammar): NodeId {
  const { grammar, json } = calls;
  const constrained = grammar.sequence(
    json.space,
    markOf(calls, 'constrain'),
    grammar.optional(grammar.literal('json')),
  );
  return grammar.choice(grammar.empty, grammar.literal(' json'), constrained);
}

/** A call from the name of its function on. */
function callNode(calls: CallGrammar): NodeId {
  const { grammar, json } = calls;
  const channel = grammar.sequence(json.space, markOf(calls, 'channel'), grammar.literal('commentary'));
  const rest = [grammar.optional(channel), formatOf(calls), markOf(calls, 'message')];
  return grammar.choice(
    ...calls.tools.map((tool) =>
      grammar.sequence(
        calls.call([{ of: 'name' }], tool),
        ...rest,
        calls.call([{ of: 'arguments' }], tool),
        grammar.optional(markOf(calls, 'call')),
      ),
    ),
  );
}
