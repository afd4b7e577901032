import { FlashrowError } from '../../errors.js';
import { Grammar, type NodeId } from '../../grammar/grammar.js';
import { JsonGrammar } from '../../grammar/json.js';
import { markBytes, markNode } from '../../grammar/marks.js';
import { type SchemaOwner, schemaNode } from '../../grammar/schema.js';
import type { Schema } from '../../grammar/schema-values.js';
import type { ValueGrammar } from '../../grammar/values.js';
import type { HeldForm, HeldPart, ToolSignature } from '../dialects/dialect.js';
import type { HeldAnswer } from '../dialects/dialects.js';
import { argumentsSchema } from './arguments-schema.js';
import type { Calls } from './calls.js';
import { GemmaGrammar } from './gemma-values.js';
import { keywordArguments, PythonGrammar } from './keyword-arguments.js';
import { taggedArguments } from './tagged-arguments.js';

/** Calls of some tools in a grammar. */
export class CallGrammar implements Calls {
  readonly json: JsonGrammar;
  readonly python: PythonGrammar;
  readonly grammar: Grammar;
  readonly tools: readonly ToolSignature[];
  /** What of a schema is not kept, each in a sentence. */
  readonly warnings: string[] = [];
  readonly #gemma: GemmaGrammar;
  readonly #objects = new Map<ValueGrammar, Map<ToolSignature, NodeId>>();
  /** The control token that marks hold, where they are none themselves. */
  readonly #token: string | undefined;

  /** Whether there is one call at most. */
  readonly once: boolean;

  constructor(json: JsonGrammar, { forms, tools, once }: HeldAnswer) {
    this.once = once;
    this.json = json;
    this.grammar = json.grammar;
    this.python = new PythonGrammar(json.grammar);
    this.#gemma = new GemmaGrammar(json.grammar);
    this.#token = forms === 'channels' ? undefined : forms[0]?.token;
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

  mark(name: string): NodeId {
    return markNode(this.grammar, name, this.#token);
  }

  markBytes(name: string): Uint8Array[] {
    return markBytes(name, this.#token);
  }

  spaced(parts: readonly HeldPart[]): NodeId {
    return this.call(parts, { name: '', parameters: null });
  }

  kept(tool: ToolSignature, schema: Schema, root: Schema, values: ValueGrammar, otherwise: () => NodeId): NodeId {
    const owner: SchemaOwner = { option: 'tools', what: schemaOf(tool), root };
    try {
      return schemaNode(values, schema, owner);
    } catch (error) {
      if (tool.strict || !(error instanceof FlashrowError) || error.code === 'BAD_USAGE') throw error;
      this.#warn(error.message);
      return otherwise();
    }
  }

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
    if ('mark' in part) return this.mark(part.mark);
    if ('optional' in part) return grammar.optional(this.call(part.optional, tool));
    if ('tagged' in part) {
      this.#requireSchema(tool);
      return taggedArguments(this, part.tagged, tool);
    }
    switch (part.of) {
      case 'name':
        return grammar.literal(tool.name);
      case 'arguments':
        return this.#objectOf(tool, this.json);
      case 'gemma-arguments':
        return this.#objectOf(tool, this.#gemma);
      case 'keywords':
        this.#requireSchema(tool);
        return keywordArguments(this, tool);
      case 'number':
        return grammar.choice(
          grammar.literal('0'),
          grammar.sequence(grammar.byteBetween(0x31, 0x39), grammar.repeat(json.digit, 0, 3)),
        );
      case 'id':
        return grammar.repeat(LETTER(grammar), 9, 9);
    }
  }

  /** Throws BAD_USAGE for a schema that is wrong, also in what the notation of the arguments does not keep. */
  #requireSchema(tool: ToolSignature): void {
    const owner: SchemaOwner = { option: 'tools', what: schemaOf(tool) };
    try {
      schemaNode(new JsonGrammar(new Grammar()), argumentsSchema(tool), owner);
    } catch (error) {
      if (!(error instanceof FlashrowError) || error.code === 'BAD_USAGE') throw error;
    }
  }

  #objectOf(tool: ToolSignature, values: ValueGrammar): NodeId {
    const known = this.#objects.get(values) ?? new Map<ToolSignature, NodeId>();
    this.#objects.set(values, known);
    const schema = argumentsSchema(tool);
    const node = known.get(tool) ?? this.kept(tool, schema, schema, values, () => values.anyObject);
    known.set(tool, node);
    return node;
  }
}

const LETTER = (grammar: Grammar): NodeId =>
  grammar.byte(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'));

const schemaOf = ({ name }: ToolSignature): string => `the schema of the tool ${JSON.stringify(name)}`;
