import type { Grammar, NodeId } from '../../grammar/grammar.js';
import type { Schema } from '../../grammar/schema-values.js';
import type { ValueGrammar } from '../../grammar/values.js';
import type { HeldPart, ToolSignature } from '../dialects/dialect.js';

/** What arguments need of the calls that they stand in. */
export interface Calls {
  readonly grammar: Grammar;
  readonly json: ValueGrammar;
  readonly python: ValueGrammar;
  /** A mark in each of the ways in which it is written. */
  mark(name: string): NodeId;
  markBytes(name: string): Uint8Array[];
  /** Parts that have nothing of a tool. */
  spaced(parts: readonly HeldPart[]): NodeId;
  /**
   * A schema's node in a notation, or `otherwise` with a warning where it cannot be kept and the tool is not strict.
   * Throws UNSUPPORTED where it is, and BAD_USAGE for a schema that is wrong.
   */
  kept(tool: ToolSignature, schema: Schema, root: Schema, values: ValueGrammar, otherwise: () => NodeId): NodeId;
  /** The same for what cannot be kept, and why. */
  refuse(tool: ToolSignature, why: string, otherwise: () => NodeId): NodeId;
}
