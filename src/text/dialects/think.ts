import type { Dialect, ReasoningMarks } from './dialect.js';

/** The marks of most models that reason. They count at the beginning: an answer may speak of them. */
export const THINK: ReasoningMarks = { open: '<think>', close: '</think>' };

/** Models that reason so, and whose calls are not known. */
export const THINKING: Dialect = {
  reasoning: [THINK],
  calls: [],
  specials: [THINK.open, THINK.close],
  begin: () => null,
  held: () => [],
};
