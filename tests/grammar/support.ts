import { type AnswerGrammar, Constraint } from '../../dist/src/grammar/constraint.js';
import { isAllowed, TokenTable } from '../../dist/src/grammar/token-table.js';

/** Bytes, and pieces of JSON texts as vocabularies have them: some end in the middle of a character. */
const PIECES = [
  ...[
    '{"',
    '": ',
    '":',
    '", "',
    '"}',
    '"]',
    '},',
    ' {',
    '[]',
    '[{',
    '"name',
    'name',
    'true',
    'null',
    'false',
    '  ',
    '\n  ',
  ],
  ...[
    'hello',
    ' world',
    'a',
    'ab',
    'é',
    '漢字',
    '😀',
    '10',
    '2024',
    '-',
    '.5',
    'e1',
    '\\n',
    '\\u00',
    'x"',
    '",',
    '"a": 1',
    '00',
  ],
];
const cut = (text: string, from: number, to: number) => new TextEncoder().encode(text).slice(from, to);

export const BYTES: readonly Uint8Array[] = [
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...PIECES.map((text) => new TextEncoder().encode(text)),
  cut('é', 0, 1),
  cut('漢', 1, 3),
  cut('"漢', 0, 3),
  cut('x😀', 0, 4),
  new Uint8Array(0),
];

export const table = new TokenTable(BYTES.length, (id) => BYTES[id]);

/** What a grammar says of a text: whether it may be one, by bytes and without any mask. */
export function accepts(grammar: AnswerGrammar, text: string): boolean {
  const constraint = new Constraint(grammar, table);
  return constraint.take(new TextEncoder().encode(text)) && constraint.complete;
}

/**
 * A text of the grammar, drawn token by token from what its masks allow. Null where it did not end in `most` tokens.
 */
export function drawn(grammar: AnswerGrammar, random: () => number, most = 600): string | null {
  const constraint = new Constraint(grammar, table);
  const parts: Uint8Array[] = [];
  for (let step = 0; step < most; step++) {
    const mask = constraint.allowed();
    const ids = BYTES.flatMap((_, id) => (isAllowed(mask, id) ? [id] : []));
    // After a while it ends as soon as it may, and quotes come more often: strings have no end of their own.
    if (constraint.complete && (ids.length === 0 || random() < 0.3 + step / 100))
      return Buffer.concat(parts).toString();
    if (ids.length === 0) throw new Error(`no token may follow ${Buffer.concat(parts)}`);
    const closing = ids.filter((id) => /^["}\]]+$/.test(Buffer.from(BYTES[id]).toString()));
    const from = closing.length > 0 && random() < 0.2 + step / 300 ? closing : ids;
    const id = from[Math.floor(random() * from.length)];
    if (!constraint.take(BYTES[id])) throw new Error(`an allowed token was refused after ${Buffer.concat(parts)}`);
    parts.push(BYTES[id]);
  }
  return null;
}
