import { freeText } from '../../grammar/free-text.js';
import type { NodeId } from '../../grammar/grammar.js';
import { markBytes, markNode } from '../../grammar/marks.js';
import type { CallGrammar } from './call-grammar.js';

const RECIPIENT = 'to=functions.';

/**
 * Messages in Harmony's channels, from within the header of the first one: `<|channel|>commentary to=functions.NAME
 * <|constrain|>json<|message|>{...}<|call|>`. A header that names a function makes the message a call of it. The
 * channel may stand behind the recipient (openai/harmony, docs/format.md).
 */
export function channelCalls(calls: CallGrammar): { text: NodeId; called: NodeId } {
  const { grammar, json } = calls;
  const mark = (name: string) => markNode(grammar, `<|${name}|>`);
  const marks = (name: string, follow: () => NodeId) => markBytes(`<|${name}|>`).map((bytes) => ({ bytes, follow }));
  const format = grammar.choice(
    grammar.empty,
    grammar.literal(' json'),
    grammar.sequence(json.space, mark('constrain'), grammar.optional(grammar.literal('json'))),
  );
  const channel = grammar.sequence(json.space, mark('channel'), grammar.literal('commentary'));
  const rest = [grammar.optional(channel), format, mark('message')];
  const call = grammar.choice(
    ...calls.tools.map((tool) =>
      grammar.sequence(
        calls.call([{ of: 'name' }], tool),
        ...rest,
        calls.call([{ of: 'arguments' }], tool),
        grammar.optional(mark('call')),
      ),
    ),
  );
  const header = grammar.rule();
  const headed = marks('start', () => header.node).concat(marks('channel', () => header.node));
  const messages = freeText(grammar, headed, true).text;
  const recipient = { bytes: Buffer.from(RECIPIENT), follow: () => call };
  header.define(freeText(grammar, [...marks('message', () => messages), recipient], true).text);
  const called = grammar.sequence(mark('channel'), grammar.literal(`commentary ${RECIPIENT}`), call);
  return { text: header.node, called };
}
