import { BARE_CALL, FENCE, FENCED_CALL, SEPARATOR } from './bare-calls.js';
import type { Dialect } from './dialect.js';
import { CLOSE, heldObject, OPEN, readJsonCalls } from './json-calls.js';
import { THINK } from './think.js';

/**
 * `<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>`. Qwen 2.5, Qwen 3 and many others (NousResearch,
 * Hermes-Function-Calling; Qwen's docs, "Function Calling"). Small models leave out the marks at times, or write a
 * fence of Markdown in their place.
 */
export const HERMES: Dialect = {
  reasoning: [THINK],
  calls: [{ open: OPEN, read: readJsonCalls }, BARE_CALL, FENCED_CALL],
  specials: [OPEN, CLOSE, THINK.open, THINK.close],
  begin: (name) => `${OPEN}\n{"name": "${name === null ? '' : `${name}", "arguments": `}`,
  held: () => [
    { open: OPEN, call: [{ json: ' ' }, ...heldObject('arguments'), { json: ' ' }], close: [{ mark: CLOSE }] },
    { open: '', call: heldObject('arguments'), between: SEPARATOR, close: [] },
    {
      ...{ open: FENCED_CALL.open, named: true, call: heldObject('arguments') },
      close: [{ json: ' ' }, { text: FENCE }],
    },
  ],
};
