import type { Foreseen } from '../../draft/draft-source.js';
import type { Meter } from '../meter.js';
import type { Lane } from '../rounds/lane.js';
import type { Drawing } from '../sampling/drawing.js';
import { certaintyOf } from './likeliest.js';
import { PassTokens } from './pass-tokens.js';
import type { Speculation } from './speculation.js';

interface AnswerParts {
  lane: Pick<Lane, 'logits' | 'verify' | 'decode' | 'keep'>;
  drawing: Drawing;
  meter: Meter;
  speculation: Speculation | null;
  /** Whether the model does nothing else. Tokens of several calls share their passes: none are foretold then. */
  alone: () => boolean;
  /** Tokens that this call may have in a pass, 1 at least: calls that run at once share it. */
  room: () => number;
}

/**
 * Draws an answer to its end. The prompt has run. Each pass runs the token that was drawn last, and with it those that
 * its format leaves no choice about, and those that `speculation` foretells. Every position is then drawn from as if
 * its token had run alone; the first token that comes otherwise, and all after it, are taken back. So the state holds
 * what it would hold without. Throws what passes throw, and what `Drawing.next` does.
 */
export async function writeAnswer({ lane, drawing, meter, speculation, alone, room }: AnswerParts): Promise<void> {
  const several = new PassTokens();
  const draw = (row: number) => {
    const logits = lane.logits(row);
    // The draw may change them.
    if (speculation?.watches) speculation.watch(certaintyOf(logits));
    return drawing.next(logits);
  };
  let id = draw(0);
  while (id !== null) {
    const foreseen = drawing.foresee(Math.min(drawing.left, room()) - 1);
    const tokens = speculation
      ? await speculation.pass(id, foreseen, alone() ? drawing.left : 1)
      : withCertain(id, foreseen, several);
    const count = tokens.ids.length;
    const waited = meter.waitedMs;
    const began = performance.now();
    await (count > 1 ? lane.verify(tokens.ids, tokens.after) : lane.decode(id));
    let ms = performance.now() - began;
    let row = 0;
    for (let next = 0; next >= 0; ) {
      row = next;
      id = draw(row);
      next = id === null ? -1 : tokens.find(row, id);
    }
    const brought = tokens.lengthAt(row);
    // Of tokens that stand beside others, none is held before it is kept.
    if (brought < count || tokens.after.length > 0) {
      const keeping = performance.now();
      lane.keep(row);
      ms += performance.now() - keeping;
    }
    meter.pass(count, brought, foreseen?.certain ?? 0);
    speculation?.ran(alone() ? ms : null, meter.waitedMs - waited, row, id);
  }
}

/** `id` and what is certain after it, in `tokens`. */
function withCertain(id: number, foreseen: Foreseen | null, tokens: PassTokens): PassTokens {
  tokens.begin(id);
  for (let i = 0; i < (foreseen?.certain ?? 0); i++) tokens.push(foreseen!.ids[i]);
  return tokens;
}
