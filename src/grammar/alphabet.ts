import { type CodePointRange, characterOf } from './code-points.js';
import type { Grammar, NodeId } from './grammar.js';

/** How a text writes characters. */
export interface Alphabet {
  grammar: Grammar;
  /** Any one character. */
  character: NodeId;
  /** One character of `ranges`. */
  characterIn(ranges: readonly CodePointRange[]): NodeId;
}

/** Text as it is, in UTF-8. */
export const plainText = (grammar: Grammar): Alphabet => ({
  grammar,
  character: characterOf(grammar, [[0, 0x10ffff]]),
  characterIn: (ranges) => characterOf(grammar, ranges),
});
