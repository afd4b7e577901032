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
}

/**
 * Draws an answer to its end. The prompt has run. Each pass runs the token that was drawn last, and with it those that
 * `speculation` foretells. Every position is then drawn from as if its token had run alone; the first token that was
 * foretold wrongly, and all after it, are taken back. So the state holds what it would hold without. Throws what passes
 * throw, and what `Drawing.next` does.
 */
export async function writeAnswer({ lane, drawing, meter, speculation, alone }: AnswerParts): Promise<void> {
  let id = drawing.next(lane.logits());
  while (id !== null) {
    const { position } = lane;
    const ids = speculation ? await speculation.pass(id, alone() ? drawing.left : 1) : null;
    const waited = meter.waitedMs;
    const began = performance.now();
    await (ids ? lane.verify(ids) : lane.decode(id));
    let ms = performance.now() - began;
    const tokens = ids?.length ?? 1;
    let row = 0;
    do id = drawing.next(lane.logits(row++));
    while (id !== null && row < tokens && id === ids![row]);
    if (row < tokens) {
      const rewinding = performance.now();
      lane.rewind(position + row);
      ms += performance.now() - rewinding;
    }
    meter.pass(tokens, row);
    speculation?.ran(alone() ? ms : null, meter.waitedMs - waited, row, id);
  }
}
