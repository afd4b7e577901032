import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Tuning } from '../../dist/src/index.js';
import type { ReplayTuning } from '../../dist/src/plan/model-options.js';
import { DECODE, PROMPT, type Trace } from '../../dist/src/trace/trace.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import { selectByTrace } from '../../dist/src/trace/trace-selector.js';
import { TraceWriter } from '../../dist/src/trace/trace-writer.js';

const LAYER = { units: 8, unitBytes: 1, slotBytes: 1 };
/** Two layers; the second asks for the mirror image of the first. */
function traceOf(...tokens: number[][]): Trace {
  const pass = (units: number[]) => [units, units.map((unit) => 7 - unit)].map((ids) => Uint32Array.from(ids));
  const passes = tokens.map((units) => ({ phase: DECODE, tokens: 1, units: pass(units) }) as const);
  const prompt = { phase: PROMPT, tokens: 2, units: pass([0, 1, 2, 3, 4, 5, 6, 7]) } as const;
  return { model: 'test', selector: 'test', layers: [LAYER, LAYER], passes: [prompt, ...passes], tornBytes: 0 };
}

function selectorOf(trace: Trace, experts: boolean) {
  const selector = selectByTrace({ trace, unitsPerLayer: [8, 8], experts, maxTokens: 4 });
  const units = new Uint32Array(8);
  const select = (layer: number, tokens: number) => [
    ...units.subarray(0, selector.select(layer, new Float32Array(0), tokens, units)),
  ];
  return { selector, select };
}

describe('selectByTrace', () => {
  it('asks for the units of one generated token after the other, and begins again after the last', () => {
    const { selector, select } = selectorOf(traceOf([3, 1], [5], []), false);
    const asked = Array.from({ length: 4 }, () => [select(0, 1), select(1, 1)]);
    expect(asked).toEqual([
      [
        [1, 3],
        [4, 6],
      ],
      [[5], [2]],
      [[], []],
      [
        [1, 3],
        [4, 6],
      ],
    ]);
    expect(selector).toMatchObject({ name: 'trace', exact: false, residentProducts: null, weights: null });
  });

  it('asks for what the tokens of a prompt chunk ask for together, and goes on after them', () => {
    const { select } = selectorOf(traceOf([3, 1], [1, 5], [6]), false);
    expect(select(0, 2)).toEqual([1, 3, 5]);
    expect(select(1, 2)).toEqual([2, 4, 6]);
    expect(select(0, 2)).toEqual([1, 3, 6]);
  });

  it('lets the experts of a token share its weight', () => {
    const { selector, select } = selectorOf(traceOf([3, 1], [1, 5, 7, 0]), true);
    const count = select(0, 2).length;
    expect([...selector.weights!.subarray(0, 2 * count)]).toEqual([0, 0.5, 0.5, 0, 0, 0.25, 0.25, 0, 0.25, 0.25]);
  });

  it('refuses a trace of another shape, and one without generated tokens', () => {
    const refuse = (trace: Trace, unitsPerLayer: number[]) =>
      expect(() => selectByTrace({ trace, unitsPerLayer, experts: false, maxTokens: 1 })).toThrow(
        expect.objectContaining({ code: 'BAD_USAGE' }),
      );
    refuse(traceOf([1]), [8]);
    refuse(traceOf([1]), [8, 9]);
    refuse(traceOf(), [8, 8]);
  });
});

describe('a model that replays a trace', () => {
  const tales = fileURLToPath(new URL('../../weights/tales', import.meta.url));
  const prompt = [1, 5];
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'flashrow-trace-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function generate(tuning: object, trace?: string) {
    const model = await loadModel(tales, { exact: false, contextSize: 64, tuning });
    try {
      const options = { maxTokens: 8, ignoreEos: true, trace };
      const { tokens, receipt } = await model.generate(prompt, options).result;
      return { tokens, receipt };
    } finally {
      await model.dispose();
    }
  }

  /** As many generated tokens as a recorded run had, `choose` saying which of a layer's units they asked for. */
  function write(name: string, shape: Trace, choose: (unit: number, token: number) => boolean): string {
    const path = join(folder, name);
    const writer = new TraceWriter(path, shape);
    writer.endPrompt();
    for (let token = 0; token < 5; token++) {
      for (const [layer, { units }] of shape.layers.entries()) {
        const asked = Uint32Array.from({ length: units }, (_, unit) => unit).filter((unit) => choose(unit, token));
        writer.ask(layer, asked, asked.length, 1);
      }
      writer.endPass();
    }
    writer.close();
    return path;
  }

  it('computes as ever where the trace asks for everything, says that it is not exact, and reads what is asked for', async () => {
    const recorded = join(folder, 'gate');
    const gate = await generate({ selector: 'gate' }, recorded);
    const shape = readTrace(recorded);

    const all = write('all', shape, () => true);
    const complete = await generate({ selector: 'trace', trace: all });
    expect(complete.tokens).toEqual(gate.tokens);
    expect(complete.receipt).toMatchObject({ selector: 'trace', exact: false });

    const few = write('few', shape, (unit, token) => unit % 5 === token);
    const again = join(folder, 'again');
    const { tokens, receipt } = await generate({ selector: 'trace', trace: few }, again);
    expect(tokens).not.toEqual(gate.tokens);
    const asked = readTrace(again).passes.map(({ units }) => units[0]);
    expect([...asked[0].subarray(0, 4)]).toEqual([0, 1, 5, 6]);
    expect([...asked[1].subarray(0, 3)]).toEqual([2, 7, 12]);
    const total = readTrace(again)
      .passes.flatMap(({ units }) => units)
      .reduce((sum, units) => sum + units.length, 0);
    expect(receipt.bundlesHit + receipt.bundlesMissed).toBe(total);
  });

  it.each<[ReplayTuning, boolean | undefined]>([
    [{ selector: 'trace' }, false],
    [{ trace: 'file' }, false],
    [{ selector: 'trace', trace: 'file' }, true],
    [{ selector: 'trace', trace: 'file' }, undefined],
  ])('is refused for %j, exact %s', async (tuning, exact) => {
    await expect(loadModel(tales, { exact, tuning: tuning as Tuning })).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });
});
