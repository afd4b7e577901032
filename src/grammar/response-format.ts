import { FlashrowError } from '../errors.js';
import { plainText } from './alphabet.js';
import type { AnswerGrammar } from './constraint.js';
import { Grammar, type NodeId } from './grammar.js';
import { heldText } from './held-text.js';
import { JsonGrammar } from './json.js';
import { schemaNode } from './schema.js';
import type { Refusal, Schema } from './schema-values.js';

/** What an answer has to be. */
export type ResponseFormat =
  /** Any text. */
  | { type: 'text' }
  /** Any JSON object. */
  | { type: 'json_object' }
  /** A JSON text that is valid for a JSON Schema. */
  | { type: 'json_schema'; schema: Readonly<Record<string, unknown>> | boolean }
  /** One of some texts. */
  | { type: 'choice'; choices: readonly string[] }
  /** A text that a regular expression (ECMA-262, with the flag u) is found in; `^` and `$` hold it at its ends. */
  | { type: 'regex'; pattern: string };

/**
 * The language of a format; null where any text will do. Throws BAD_USAGE for what is no format, schema or regular
 * expression, UNSUPPORTED for a schema or pattern that cannot be kept.
 */
export function answerGrammar(format: ResponseFormat): AnswerGrammar | null {
  if (format.type === 'text') return null;
  const json = new JsonGrammar(new Grammar());
  const hasStrings = format.type === 'json_object' || format.type === 'json_schema';
  return { grammar: json.grammar, root: formatNode(json, format), character: hasStrings ? json.character : null };
}

/** The same as a node of a grammar that holds more. Throws the same. */
export function formatNode(json: JsonGrammar, format: Exclude<ResponseFormat, { type: 'text' }>): NodeId {
  const { grammar } = json;
  switch (format.type) {
    case 'json_object':
      return grammar.sequence(json.lead, json.anyObject);
    case 'json_schema': {
      const owner = { option: 'responseFormat', what: 'the schema of `responseFormat`' };
      return grammar.sequence(json.lead, schemaNode(json, format.schema as Schema, owner));
    }
    case 'choice':
      return grammar.choice(...format.choices.map((text) => grammar.literal(text)));
    case 'regex':
      return heldText(
        plainText(grammar),
        { patterns: [format.pattern], min: 0, max: Number.POSITIVE_INFINITY },
        REFUSALS,
      );
  }
}

const refusal =
  (code: 'UNSUPPORTED' | 'BAD_USAGE'): Refusal =>
  (why) => {
    throw new FlashrowError(code, `the pattern of \`responseFormat\` cannot be used: ${why}`, {
      option: 'responseFormat',
    });
  };
const REFUSALS = { refuse: refusal('UNSUPPORTED'), bad: refusal('BAD_USAGE') };
