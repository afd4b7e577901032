import { plainText } from '../../grammar/alphabet.js';
import type { CodePointRange } from '../../grammar/code-points.js';
import type { Grammar, NodeId } from '../../grammar/grammar.js';
import { JsonGrammar } from '../../grammar/json.js';
import { membersFrom } from '../../grammar/object.js';
import { keyWithout } from '../../grammar/other-keys.js';
import type { ToolSignature } from '../dialects/dialect.js';
import { argumentsSchema, parametersOf } from './arguments-schema.js';
import type { Calls } from './calls.js';

const WORDS: ReadonlyMap<boolean | null, string> = new Map<boolean | null, string>([
  [true, 'True'],
  [false, 'False'],
  [null, 'None'],
]);
const LETTERS: readonly CodePointRange[] = [
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];

/** Values as in Python: those of JSON, whose words may be Python's. */
export class PythonGrammar extends JsonGrammar {
  override word(word: boolean | null): NodeId {
    return this.grammar.choice(super.word(word), this.grammar.literal(WORDS.get(word)!));
  }
}

/** `name=value, other=value`: the parameters that the schema names, in its order. */
export function keywordArguments(calls: Calls, tool: ToolSignature): NodeId {
  const { grammar, python } = calls;
  const named = parametersOf(tool);
  if (named === null || named.parameters.some(({ name }) => !/^[A-Za-z_]\w*$/.test(name)))
    return calls.refuse(tool, 'it is no object whose properties have names as in Python', () =>
      grammar.optional(membersOf(grammar, [], otherKeyword(calls, [], python.value))),
    );
  const keptValue = (schema: (typeof named)['others']) =>
    calls.kept(tool, schema, argumentsSchema(tool), python, () => python.value);
  const entries = named.parameters
    // What nothing is valid for is left out.
    .filter(({ schema, required }) => schema !== false || required)
    .map(({ name, schema, required }) => ({
      node: grammar.sequence(grammar.literal(`${name}=`), keptValue(schema)),
      required,
    }));
  const names = named.parameters.map(({ name }) => name);
  const other = named.others === false ? null : otherKeyword(calls, names, keptValue(named.others));
  return membersOf(grammar, entries, other);
}

const membersOf = (grammar: Grammar, entries: Parameters<typeof membersFrom>[2], other: NodeId | null): NodeId =>
  membersFrom(grammar, grammar.sequence(grammar.literal(','), grammar.optional(grammar.literal(' '))), entries, other);

function otherKeyword({ grammar }: Calls, names: readonly string[], value: NodeId): NodeId {
  const name = keyWithout(plainText(grammar), ['', ...names], LETTERS);
  return grammar.sequence(name, grammar.literal('='), value);
}
