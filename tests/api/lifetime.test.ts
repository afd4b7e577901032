import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FlashrowError, loadModel, verifyStore } from '../../dist/src/index.js';
import { PROMPT, TALES, withTales } from '../support/shipped.js';

const run = promisify(execFile);
const LIBRARY = new URL('../../dist/src/index.js', import.meta.url).href;
const here = /tests[/\\]api[/\\]lifetime\.test\.ts/;

async function errorOf(promise: Promise<unknown>): Promise<FlashrowError> {
  const error = await promise.catch((thrown) => thrown);
  expect(error).toBeInstanceOf(FlashrowError);
  return error as FlashrowError;
}

/** What a program prints. It has `model`, `loadModel` and `gc`. */
async function printed(program: string): Promise<{ stdout: string; stderr: string }> {
  const source = `
    import { loadModel } from ${JSON.stringify(LIBRARY)};
    const load = () => loadModel(${JSON.stringify(TALES)}, { memory: '16MB', contextSize: 128 });
    ${program}`;
  return run(process.execPath, ['--expose-gc', '--input-type=module', '--eval', source]);
}

/** Collects until a finalizer has run. */
const COLLECT = `
    const collected = async (done) => {
      while (!done()) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };`;

describe('a model', () => {
  it('that is dropped without dispose is freed, with a warning that names it', async () => {
    const { stdout } = await printed(`
      ${COLLECT}
      import { readdirSync } from 'node:fs';
      const threads = () => readdirSync('/proc/self/task').length;
      const warnings = [];
      process.on('warning', (warning) => warnings.push(warning));
      const before = threads();
      await (async () => { const model = await load(); await model.generate('Once', { maxTokens: 1 }).result; })();
      const during = threads();
      await collected(() => warnings.length > 0);
      await collected(() => threads() < during);
      await collected(() => threads() <= before);
      console.log(JSON.stringify(warnings.map(({ code, message }) => ({ code, named: message.includes('tales') }))));`);
    expect(JSON.parse(stdout)).toEqual([{ code: 'FLASHROW_MODEL_DROPPED', named: true }]);
  });

  it('that is dropped while it answers is kept until it has', async () => {
    const { stdout } = await printed(`
      ${COLLECT}
      const begin = async () => (await load()).generate('Once', { maxTokens: 100, ignoreEos: true });
      const generation = await begin();
      let pieces = 0;
      for await (const piece of generation) {
        if (pieces++ % 20 === 0) gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log(pieces, (await generation.result).finishReason);`);
    expect(stdout).toBe('100 length\n');
  });

  it('that is disposed of gives no warning', async () => {
    const { stderr } = await printed(`
      ${COLLECT}
      let collectedOne = false;
      const registry = new FinalizationRegistry(() => { collectedOne = true; });
      await (async () => { const model = await load(); registry.register(model, 0); await model.dispose(); })();
      await collected(() => collectedOne);`);
    expect(stderr).toBe('');
  });

  it('is disposed of by `await using`', async () => {
    const model = await loadModel(TALES, { contextSize: 64 });
    expect(Symbol.asyncDispose).toBeDefined();
    await model[Symbol.asyncDispose]();
    await expect(model.tokenize('x')).rejects.toMatchObject({ code: 'ABORTED' });
    await model.closed;
  });

  it('shows nothing of its inside', () =>
    withTales({ contextSize: 64 }, async (model) => {
      expect(Object.keys(model)).toEqual(['info', 'plan']);
      const generation = model.generate(PROMPT, { maxTokens: 1 });
      expect(Object.keys(generation)).toEqual(['result']);
      await generation.result;
    }));
});

describe('an error', () => {
  it('has the stack of the call that it answers', () =>
    withTales({ contextSize: 64 }, async (model) => {
      const stacks = [
        await errorOf(model.generate(new Array(65).fill(5)).result),
        await errorOf(model.generate('a cat '.repeat(100)).result),
        await errorOf(model.chat([{ role: 'user', content: 'x' }]).result),
        await errorOf(model.detokenize([-1])),
        await errorOf(loadModel('/no/such/model')),
        await errorOf(loadModel(TALES, { memory: 1 })),
        await errorOf(verifyStore('/no/such/store')),
      ].map(({ stack }) => stack!);
      for (const stack of stacks) expect(stack).toMatch(here);
      expect(stacks[0]).toMatch(/^FlashrowError: the prompt's 65 tokens/);
    }));
});

describe('a callback', () => {
  it("has the caller's AsyncLocalStorage", () =>
    withTales({ contextSize: 64 }, async (model) => {
      const storage = new AsyncLocalStorage<string>();
      const seen = new Set<string | undefined>();
      const look = () => seen.add(storage.getStore());
      await Promise.all(
        ['a', 'b'].map((name) =>
          storage.run(name, async () => {
            const generation = model.generate(PROMPT, { maxTokens: 2, onProgress: look, onStart: look });
            for await (const _ of generation) look();
            await model.evaluate([[1, 2, 3]], { onProgress: look });
          }),
        ),
      );
      expect([...seen].sort()).toEqual(['a', 'b']);
    }));
});

it('one signal serves many calls without a warning', () =>
  withTales({ contextSize: 64 }, async (model) => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const controller = new AbortController();
    const { signal } = controller;
    const generations = Array.from({ length: 40 }, () => model.generate(PROMPT, { signal, maxTokens: 1 }));
    const rows = Array.from({ length: 40 }, () => model.logprobs([1, 2], 1, { signal }).catch((error) => error));
    controller.abort(new Error('shutdown'));
    expect((await Promise.all(generations.map(({ result }) => result))).map(({ endedBy }) => endedBy)).toEqual(
      new Array(40).fill('signal'),
    );
    expect(new Set((await Promise.all(rows)).map(String))).toEqual(new Set(['Error: shutdown']));
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  }));
