import { FlashrowError } from '../errors.js';
import { plainText } from './alphabet.js';
import type { AnswerGrammar } from './constraint.js';
import { Grammar } from './grammar.js';
import { JsonGrammar } from './json.js';
import { patternNode } from './pattern.js';
import { schemaGrammar } from './schema.js';

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
 * The language of a format; null where any text will do. Throws BAD_USAGE for what is no format, UNSUPPORTED for a
 * schema or pattern that cannot be kept.
 */
export function answerGrammar(format: ResponseFormat): AnswerGrammar | null {
  const grammar = new Grammar();
  switch (format.type) {
    case 'text':
      return null;
    case 'json_object': {
      const json = new JsonGrammar(grammar);
      return { grammar, root: grammar.sequence(json.space, json.anyObject), character: json.character };
    }
    case 'json_schema':
      return schemaGrammar(format.schema as never);
    case 'choice':
      return { grammar, root: grammar.choice(...format.choices.map((text) => grammar.literal(text))), character: null };
    case 'regex':
      return { grammar, root: patternNode(plainText(grammar), format.pattern, refusePattern), character: null };
  }
}

function refusePattern(why: string): never {
  throw new FlashrowError('UNSUPPORTED', `the pattern of \`responseFormat\` cannot be used: ${why}`, {
    option: 'responseFormat',
  });
}
