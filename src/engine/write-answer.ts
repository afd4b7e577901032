import type { Drawing } from './drawing.js';
import type { Engine } from './engine.js';
import type { Meter } from './meter.js';
import type { Speculation } from './speculation.js';

/**
 * Draws an answer to its end. The prompt has run. Each pass runs the token that was drawn last, and with it those that
 * `speculation` foretells. Every position is then drawn from as if its token had run alone; the first token that was
 * foretold wrongly, and all after it, are taken back. So the state holds what it would hold without. Throws what passes
 * throw, and what `Drawing.next` does.
 */
export async function writeAnswer(
  engine: Engine,
  drawing: Drawing,
  meter: Meter,
  speculation: Speculation | null,
): Promise<void> {
  let id = drawing.next(engine.logitsOf(0));
  while (id !== null) {
    const { position } = engine;
    const ids = speculation ? await speculation.pass(id, drawing.left) : null;
    const began = performance.now();
    await (ids ? engine.verify(ids) : engine.decode(id));
    let ms = performance.now() - began;
    const tokens = ids?.length ?? 1;
    let row = 0;
    do id = drawing.next(engine.logitsOf(row++));
    while (id !== null && row < tokens && id === ids![row]);
    if (row < tokens) {
      const rewinding = performance.now();
      engine.rewind(position + row);
      ms += performance.now() - rewinding;
    }
    meter.pass(tokens, row);
    speculation?.ran(ms, row, id);
  }
}
