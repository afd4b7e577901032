import { FlashrowError } from '../../errors.js';
import type { Grammar, NodeId } from '../../grammar/grammar.js';
import type { JsonGrammar } from '../../grammar/json.js';
import { markNode } from '../../grammar/marks.js';
import { type SchemaOwner, schemaNode } from '../../grammar/schema.js';
import type { Schema } from '../../grammar/schema-values.js';
import type { HeldForm, HeldPart, ToolSignature } from '../dialects/dialect.js';
import type { HeldAnswer } from '../dialects/dialects.js';
import { argumentsSchema } from './arguments-schema.js';
import { taggedArguments } from './tagged-arguments.js';

/** Calls of some tools in a grammar. */
export class CallGrammar {
  readonly json: JsonGrammar;
  readonly grammar: Grammar;
  readonly tools: readonly ToolSignature[];
  /** What of a schema is not kept, each in a sentence. */
  readonly warnings: string[] = [];
  readonly #arguments = new Map<ToolSignature, NodeId>();

  /** Whether there is one call at most. */
  readonly once: boolean;

  constructor(json: JsonGrammar, { tools, once }: Pick<HeldAnswer, 'tools' | 'once'>) {
    this.once = once;
    this.json = json;
    this.grammar = json.grammar;
    this.tools = tools;
  }

  /** All of a form behind its mark. */
  form({ first = [], call, between, close }: HeldForm): NodeId {
    return this.#list(this.spaced(first), this.anyCall(call), { call, between, close });
  }

  /** The rest of a form whose first call is one of `tool`, and has its first parts already. */
  rest({ call, between, close }: HeldForm, tool: ToolSignature, from: number): NodeId {
    return this.#list(this.grammar.empty, this.call(call.slice(from), tool), { call, between, close });
  }

  /** A call of any of the tools. */
  anyCall(parts: readonly HeldPart[]): NodeId {
    return this.grammar.choice(...this.tools.map((tool) => this.call(parts, tool)));
  }

  call(parts: readonly HeldPart[], tool: ToolSignature): NodeId {
    return this.grammar.sequence(...parts.map((part) => this.#part(part, tool)));
  }

  /** Parts that have nothing of a tool. */
  spaced(parts: readonly HeldPart[]): NodeId {
    return this.call(parts, { name: '', parameters: null });
  }

  /**
   * A schema's node, or `otherwise` with a warning where it cannot be kept and the tool is not strict. Throws
   * UNSUPPORTED and BAD_USAGE where it is.
   */
  kept(tool: ToolSignature, schema: Schema, root: Schema, otherwise: () => NodeId): NodeId {
    const owner: SchemaOwner = { option: 'tools', what: schemaOf(tool), root };
    try {
      return schemaNode(this.json, schema, owner);
    } catch (error) {
      if (tool.strict || !(error instanceof FlashrowError)) throw error;
      this.#warn(error.message);
      return otherwise();
    }
  }

  /** The same for what cannot be kept, and why. */
  refuse(tool: ToolSignature, why: string, otherwise: () => NodeId): NodeId {
    const message = `${schemaOf(tool)} cannot be used: ${why}`;
    if (tool.strict) throw new FlashrowError('UNSUPPORTED', message, { option: 'tools' });
    this.#warn(message);
    return otherwise();
  }

  #warn(message: string): void {
    const warning = `calls may not keep their schema: ${message}`;
    if (!this.warnings.includes(warning)) this.warnings.push(warning);
  }

  #list(
    first: NodeId,
    call: NodeId,
    { between, close, ...more }: Pick<HeldForm, 'call' | 'between' | 'close'>,
  ): NodeId {
    const { grammar } = this;
    const others =
      between === undefined || this.once
        ? grammar.empty
        : grammar.repeat(grammar.sequence(this.spaced(between), this.anyCall(more.call)), 0, Number.POSITIVE_INFINITY);
    return grammar.sequence(first, call, others, this.spaced(close));
  }

  #part(part: HeldPart, tool: ToolSignature): NodeId {
    const { grammar, json } = this;
    if ('text' in part) return grammar.literal(part.text);
    if ('json' in part)
      return grammar.sequence(
        ...part.json.split(/( )/).map((piece) => (piece === ' ' ? json.space : grammar.literal(piece))),
      );
    if ('mark' in part) return markNode(grammar, part.mark);
    if ('optional' in part) return grammar.optional(this.call(part.optional, tool));
    if ('tagged' in part) return taggedArguments(this, part.tagged, tool);
    switch (part.of) {
      case 'name':
        return grammar.literal(tool.name);
      case 'arguments':
        return this.#argumentsOf(tool);
      case 'number':
        return grammar.choice(
          grammar.literal('0'),
          grammar.sequence(grammar.byteBetween(0x31, 0x39), grammar.repeat(json.digit, 0, 3)),
        );
      case 'id':
        return grammar.repeat(LETTER(grammar), 9, 9);
    }
  }

  #argumentsOf(tool: ToolSignature): NodeId {
    const known = this.#arguments.get(tool);
    if (known !== undefined) return known;
    const schema = argumentsSchema(tool);
    const node = this.kept(tool, schema, schema, () => this.json.anyObject);
    this.#arguments.set(tool, node);
    return node;
  }
}

const LETTER = (grammar: Grammar): NodeId =>
  grammar.byte(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'));

const schemaOf = ({ name }: ToolSignature): string => `the schema of the tool ${JSON.stringify(name)}`;
