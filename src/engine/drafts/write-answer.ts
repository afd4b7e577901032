import type { Foreseen } from '../../draft/draft-source.js';
import type { Meter } from '../meter.js';
import type { Lane } from '../rounds/lane.js';
import type { Drawing } from '../sampling/drawing.js';
import type { Speculation } from './speculation.js';

interface AnswerParts {
  lane: Pick<Lane, 'position' | 'logits' | 'verify' | 'decode' | 'rewind'>;
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
  const several: number[] = [];
  let id = drawing.next(lane.logits());
  while (id !== null) {
    const { position } = lane;
    const foreseen = drawing.foresee(Math.min(drawing.left, room()) - 1);
    const ids = speculation
      ? await speculation.pass(id, foreseen, alone() ? drawing.left : 1)
      : withCertain(id, foreseen, several);
    const waited = meter.waitedMs;
    const began = performance.now();
    await (ids.length > 1 ? lane.verify(ids) : lane.decode(id));
    let ms = performance.now() - began;
    const tokens = ids.length;
    let row = 0;
    do id = drawing.next(lane.logits(row++));
    while (id !== null && row < tokens && id === ids[row]);
    if (row < tokens) {
      const rewinding = performance.now();
      lane.rewind(position + row);
      ms += performance.now() - rewinding;
    }
    meter.pass(tokens, row, foreseen?.certain ?? 0);
    speculation?.ran(alone() ? ms : null, meter.waitedMs - waited, row, id);
  }
}

/** `id` and what is certain after it, in `ids`. */
function withCertain(id: number, foreseen: Foreseen | null, ids: number[]): readonly number[] {
  ids.length = 0;
  ids.push(id);
  for (let i = 0; i < (foreseen?.certain ?? 0); i++) ids.push(foreseen!.ids[i]);
  return ids;
}
