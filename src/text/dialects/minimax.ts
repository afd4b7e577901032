import type { Dialect } from './dialect.js';
import { readTaggedCalls, type Tags } from './tagged-calls.js';
import { THINK } from './think.js';

const OPEN = '<minimax:tool_call>';
const CLOSE = '</minimax:tool_call>';

const TAGS: Tags = {
  call: '<invoke ',
  callEnd: '</invoke>',
  parameter: '<parameter ',
  parameterEnd: '</parameter>',
  end: CLOSE,
  nameOf(tag) {
    const name = /^\s*name="([^"]*)"\s*$/.exec(tag)?.[1];
    return name === undefined ? null : { name };
  },
};

/**
 * `<minimax:tool_call>\n<invoke name="N">\n<parameter name="K">V</parameter>\n</invoke>\n</minimax:tool_call>`. MiniMax
 * M2 (MiniMaxAI/MiniMax-M2, docs/tool_calling_guide.md).
 */
export const MINIMAX: Dialect = {
  reasoning: [THINK],
  calls: [{ open: OPEN, read: (body, final, tools) => readTaggedCalls(TAGS, body, final, tools) }],
  specials: [OPEN, CLOSE, THINK.open, THINK.close],
  begin: (name) => `${OPEN}\n<invoke name="${name === null ? '' : `${name}">\n`}`,
  held: () => [
    {
      open: OPEN,
      first: [{ text: '\n' }],
      call: [
        { text: '<invoke name="' },
        { of: 'name' },
        { text: '">\n' },
        {
          tagged: {
            key: [{ text: '<parameter name="' }],
            value: [{ text: '">' }],
            before: [],
            end: TAGS.parameterEnd,
            after: [{ text: '\n' }],
          },
        },
        { text: TAGS.callEnd },
      ],
      between: [{ text: '\n' }],
      close: [{ text: '\n' }, { mark: CLOSE }],
    },
  ],
};
