import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type FlashrowError,
  listModels,
  loadModel,
  type PlannedPull,
  type ProgressStage,
  pullModel,
  removeModel,
} from '../../dist/src/index.js';
import { randomGguf, Served } from '../hub/support.js';

const model = randomGguf('q8_0');
const served = new Served({ 'o/m': { 'm-Q8_0.gguf': model } });
const options = () => ({ endpoint: served.endpoint, cacheDir: served.cache, contextSize: 64 });

describe('pullModel, listModels and removeModel', () => {
  it('fetch a model that then loads by its name, list it, and remove it', async () => {
    const stages = new Set<ProgressStage>();
    const plans: PlannedPull[] = [];
    const pulled = await pullModel('o/m', {
      ...options(),
      onPlan: (planned) => plans.push(planned),
      onProgress: ({ stage, done, total, unit }) => {
        expect([done <= total, unit]).toEqual([true, 'bytes']);
        stages.add(stage);
      },
    });
    expect([...stages]).toEqual(['headers', 'fetch']);
    const files = [{ path: 'm-Q8_0.gguf', bytes: model.length }];
    expect(plans).toMatchObject([{ name: 'o/m', files, bytes: model.length, bytesAtHand: 0, plan: { fits: true } }]);
    expect(pulled).toMatchObject({ ...plans[0], fetchedBytes: model.length });
    expect(readFileSync(pulled.path).equals(model)).toBe(true);

    const loaded = await loadModel('o/m', { cacheDir: served.cache, contextSize: 64 });
    await loaded.dispose();
    const { cacheDir } = options();
    expect((await listModels({ cacheDir })).map(({ kind }) => kind).sort()).toEqual(['pulled', 'store']);
    expect((await removeModel('o/m', { cacheDir })).removed).toHaveLength(2);
    expect(await listModels({ cacheDir })).toEqual([]);
  });

  it('look and fetch nothing with dryRun', async () => {
    const looked = await pullModel('o/m', { ...options(), dryRun: true });
    expect(looked).toMatchObject({ bytes: model.length, fetchedBytes: 0 });
    expect(existsSync(looked.path)).toBe(false);
  });

  it('tell of a failure that may pass, and go on', async () => {
    served.hub.faults = { spared: 1, stall: { after: 100_000, times: 1 } };
    const failures: FlashrowError[] = [];
    await pullModel('o/m', { ...options(), stallMs: 500, onRetry: (failure) => failures.push(failure) });
    expect(failures.map(({ code }) => code)).toEqual(['IO']);
  });

  it('end where a callback throws, or the signal says so', async () => {
    const enough = new Error('too large');
    const onPlan = () => {
      throw enough;
    };
    await expect(pullModel('o/m', { ...options(), onPlan })).rejects.toBe(enough);
    await expect(pullModel('o/m', { ...options(), signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(await listModels({ cacheDir: served.cache })).toEqual([]);
  });

  it.each([
    [{ token: 'hf_se\ncret' }, 'token is a token'],
    [{ endpoint: 'ftp://x' }, 'endpoint is the URL of a hub'],
    [{ stallMs: 0 }, 'stallMs is ms above 0'],
    [{ revison: 'main' }, 'did you mean `revision`?'],
  ])('refuse %j', async (wrong, said) => {
    const error = await pullModel('o/m', { ...options(), ...wrong }).catch((error) => error);
    expect(error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining(said) });
    expect(JSON.stringify(error) + error.message).not.toContain('cret');
  });
});
