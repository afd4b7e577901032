import { afterEach, expect, it } from 'vitest';
import { planModel } from '../../dist/src/index.js';
import { createServer } from '../../dist/src/server/index.js';
import { type Lease, ModelPool } from '../../dist/src/server/model-pool.js';
import { TALES } from '../support/shipped.js';
import { request } from './support.js';

const models = ['a', 'b', 'c'].map((name) => ({ name, source: TALES, options: { contextSize: 64 } }));
/** A third of it is less than a model needs, so it holds two. */
const memory = Math.floor(2.4 * (await planModel(TALES, { contextSize: 64, memory: '14MB' })).minimumBytes);
const { signal } = new AbortController();

let pool: ModelPool;
afterEach(() => pool.close(false));

const lease = (name: string): Promise<Lease> => pool.lease(pool.find(name), signal);
const loaded = () => pool.models.filter(({ model }) => model).map(({ name }) => name);
const use = async (name: string) => (await lease(name)).release();

it('models are loaded on demand under one budget, and the one that was idle longest goes', async () => {
  pool = new ModelPool({ models, memory });
  expect(loaded()).toEqual([]);
  await use('a');
  await use('b');
  expect(loaded()).toEqual(['a', 'b']);
  const budgets = pool.models.map(({ model }) => model?.plan.budgetBytes ?? 0);
  expect(budgets[0] + budgets[1]).toBeLessThanOrEqual(memory);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await use('a');
  await use('c');
  expect(loaded()).toEqual(['a', 'c']);
});

it('a model that answers stays: who needs its room waits until one is released', async () => {
  pool = new ModelPool({ models, memory });
  const [a, c] = [await lease('a'), await lease('c')];
  const b = lease('b');
  expect(await Promise.race([b, use('a').then(() => 'waits')])).toBe('waits');
  expect(loaded()).toEqual(['a', 'c']);
  c.release();
  (await b).release();
  expect(loaded()).toEqual(['a', 'b']);
  expect((await a.model.generate('Once', { maxTokens: 1 }).result).finishReason).toBe('length');
  a.release();
});

it('who waits too long is told to come again, and the load goes on', async () => {
  pool = new ModelPool({ models, memory, loadSeconds: 0.001 });
  await expect(lease('a')).rejects.toMatchObject({ refusal: { status: 503, headers: { 'retry-after': '5' } } });
  while (!loaded().includes('a'))
    await lease('a').then(
      (had) => had.release(),
      () => {},
    );
  await use('a');
});

it('an idle model is let go after a while', async () => {
  pool = new ModelPool({ models: models.slice(0, 1), memory, keepAliveSeconds: 0.05 });
  await use('a');
  while (loaded().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await use('a');
});

it('names are told from paths, and have to differ', async () => {
  expect(() => createServer({ models: [] })).toThrowError(/at least one model/);
  expect(() => createServer({ models: [TALES, TALES] })).toThrowError(/"tales"/);
  pool = new ModelPool({ models: [TALES, 'org/repo:Q4_K_M', './x/small.gguf', 'C:\\models\\y'] });
  expect(pool.models.map(({ name }) => name).slice(0, 3)).toEqual(['tales', 'org/repo:Q4_K_M', 'small']);
  const server = createServer({ models: [TALES] });
  await server.close();
  const body = { prompt: 'Once', max_tokens: 1 };
  expect((await server.fetch(request('/v1/completions', body))).status).toBe(503);
});
