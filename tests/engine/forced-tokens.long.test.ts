import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSpeculation } from '../../dist/src/engine/drafts/create-speculation.js';
import type { Receipt, ResponseFormat } from '../../dist/src/index.js';
import { SchemaMaker, TREE } from '../grammar/schema-maker.js';
import { DraftingHost } from '../support/drafting-host.js';
import { random as randomOf } from '../support/random.js';
import { TALES, withTales } from '../support/shipped.js';

/*
 * What a run says that records a trace is the measure: each of its tokens has a pass of its own.
 */

const PROMPT = [5, 6, 7, 8, 9, 10];
const folder = mkdtempSync(join(tmpdir(), 'flashrow-forced-'));
afterAll(() => rmSync(folder, { recursive: true }));

const passes = ({ speculation }: Receipt, tokens: number) => Math.round(tokens / speculation.tokensPerPass!);

describe('an answer of a format', () => {
  let host: DraftingHost;
  beforeAll(async () => {
    host = await DraftingHost.open(TALES, { contextSize: 128 }, createSpeculation);
  });
  afterAll(() => host.dispose());
  let traces = 0;
  const singly = (settings: Parameters<DraftingHost['write']>[1]) =>
    host.write(PROMPT, { ...settings, trace: join(folder, `${traces++}`) }, null);

  it('is the one of a pass for each token, for 50 schemas, with fewer passes', async () => {
    const random = randomOf(50);
    const maker = new SchemaMaker(random);
    const ran = { singly: 0, forced: 0, drafted: 0 };
    for (let kept = 0; kept < 50; ) {
      const schema = { ...(maker.schema(3) as object), $defs: { tree: TREE } };
      const settings = {
        ...{ responseFormat: { type: 'json_schema', schema } as const, maxTokens: 40, ignoreEos: false },
        ...{ temperature: kept % 2 === 0 ? 0.9 : 0, seed: kept, repeatPenalty: kept % 3 === 0 ? 1.2 : 1 },
        topLogprobs: kept % 5 === 0 ? 3 : null,
      };
      const plain = await singly(settings).catch((error) => {
        // Bounds that cross.
        expect(error.message).toMatch(/no value is valid/);
        return null;
      });
      if (plain === null) continue;
      kept++;
      expect(plain.receipt.speculation).toMatchObject({ forced: 0, drafted: 0 });
      if (plain.tokens.length === 0) continue;
      ran.singly += plain.tokens.length;
      for (const [way, script] of [
        ['forced', null],
        ['drafted', { right: [], accuracy: 1, seed: 1, most: 7 }],
      ] as const) {
        const batched = await host.write(PROMPT, settings, script);
        expect({ ...batched, receipt: 0 }).toEqual({ ...plain, usage: batched.usage, receipt: 0 });
        expect(batched.usage.completion).toBe(plain.usage.completion);
        ran[way] += passes(batched.receipt, plain.tokens.length);
      }
    }
    expect(ran.forced).toBeLessThan(0.95 * ran.singly);
    expect(ran.drafted).toBeLessThan(ran.forced);
  });

  it('ends before a stop text and at the last token that was asked for, within what is forced', async () => {
    const text = '"a long text that has to come as it is"';
    const responseFormat = { type: 'choice', choices: [text] } as const;
    const plain = await singly({ responseFormat });
    expect(plain.text).toBe(text);
    for (const settings of [
      { stop: ['has to'] },
      { stop: ['"a'] },
      ...[0, 1, 2, 3, 5, 8, 13].map((maxTokens) => ({ maxTokens })),
    ]) {
      const each = await singly({ responseFormat, ...settings });
      const batched = await host.write(PROMPT, { responseFormat, ...settings }, null);
      expect({ ...batched, receipt: 0 }).toEqual({ ...each, usage: batched.usage, receipt: 0 });
    }
    const { receipt } = await host.write(PROMPT, { responseFormat }, null);
    expect(receipt.speculation.forced).toBeGreaterThan(3);
  });

  it('leaves the state that it leaves without: the next turn takes up as much, and goes on alike', async () => {
    const responseFormat = { type: 'choice', choices: ['something that is given'] } as const;
    const turn = { responseFormat, maxTokens: 30 };
    const plain = await singly(turn);
    const further = [...PROMPT, ...plain.tokens, 20, 21];
    const next = await host.write(further, {}, null);
    await host.write([3], { maxTokens: 1 }, null);
    await host.write(PROMPT, turn, null);
    const again = await host.write(further, {}, null);
    expect([again.usage.cached, again.tokens]).toEqual([next.usage.cached, next.tokens]);
  });
});

it('answers of formats that run at once are what each is alone, and share passes', async () => {
  const choices = ['the first of some given texts', 'another one, given as well', 'and "a third" to end with'];
  const formats: ResponseFormat[] = choices.map((choice) => ({ type: 'choice', choices: [choice] }));
  await withTales({ contextSize: 128, sequences: 3 }, async (model) => {
    const answers = await Promise.all(
      formats.map((responseFormat) => model.generate('Once', { responseFormat, draft: 'off' }).result),
    );
    expect(answers.map(({ text }) => text)).toEqual(choices);
    for (const { receipt } of answers) expect(receipt.speculation.forced).toBeGreaterThan(0);
  });
});
