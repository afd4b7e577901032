import { describe, expect, it, vi } from 'vitest';
import { start } from '../support/flashrow.js';
import { Hub } from './fixture.js';
import { randomGguf, Served } from './support.js';

const model = randomGguf('q8_0');
const repositories = { 'o/m': { 'm-Q8_0.gguf': model }, 'closed/m': { 'm-Q8_0.gguf': model } };
const served = new Served(repositories);
const listings = () => served.hub.log.filter((line) => line.includes('/api/')).length;

describe('what a hub refuses', () => {
  it('is a wrong name where it answers strangers 401, unless it says that terms must be accepted', async () => {
    expect(await served.error('o/typo')).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/^o\/typo: .* has no such model, or hides it; check its name/),
    });
    expect(await served.error('o/typo', '--token', 'hf_good')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await served.error('closed/m')).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/accepted its terms.*--token/),
      details: { status: 401, hubCode: 'GatedRepo' },
    });
  });

  it('in spite of a token is not mended by giving one', async () => {
    const { code, message } = await served.error('closed/m', '--token', 'hf_other');
    expect(code).toBe('UNSUPPORTED');
    expect(message).toMatch(/does not let the token's user read it; accept its terms/);
    expect(message).not.toContain('--token');
    served.hub.faults = { status: { code: 401, times: 1, listings: true } };
    expect(await served.error('o/m', '--token', 'spoilt')).toMatchObject({
      code: 'BAD_USAGE',
      message: expect.stringContaining('does not accept the token; check --token or HF_TOKEN'),
    });
    served.hub.faults = { status: { code: 403, times: 1, listings: true } };
    expect(await served.error('o/m', '--token', 'narrow')).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('check what it was made for'),
    });
  });

  it('for want of a revision names the revision', async () => {
    expect(await served.error('o/m', '--revision', 'v9')).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('no revision v9'),
    });
  });
});

describe('a hub in trouble', () => {
  it('is asked for its listing again', async () => {
    served.hub.faults = { status: { code: 503, times: 2, listings: true } };
    const { exitCode, stderr } = await served.pull('o/m');
    expect(exitCode, stderr).toBe(0);
    expect(listings()).toBe(3);
    expect(stderr).toMatch(/answered with status 503; trying again in 500 ms\n.*; trying again in 1.00 s\n/);
  });

  it('is left alone for as long as it asks', async () => {
    served.hub.faults = { status: { code: 429, times: 1, headers: { 'retry-after': '2' }, listings: true } };
    const { exitCode, stderr } = await served.pull('o/m');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/status 429; a token .* may be allowed more requests; trying again in 2.00 s\n/);
  });

  it('that asks for more than a minute is not waited for', async () => {
    served.hub.faults = { status: { code: 429, times: 9, headers: { 'retry-after': '3600' }, listings: true } };
    expect(await served.error('o/m')).toMatchObject({
      code: 'IO',
      message: expect.stringContaining('status 429, and asks to wait 3600 s; pull again then'),
      details: { retryAfterSeconds: 3600, retry: false },
    });
    expect(listings()).toBe(1);
  });

  it('that says nothing is asked again after the timeout, and then given up', async () => {
    served.hub.faults = { silent: true };
    expect(await served.error('o/m', '--stall-timeout', '1')).toMatchObject({
      code: 'IO',
      message: 'o/m: nothing came for 1 s',
    });
    // On a busy machine a try may be given up before it has reached the hub.
    expect(listings()).toBeGreaterThan(1);
    expect(listings()).toBeLessThanOrEqual(5);
  });

  it('that says nothing is left at once on Ctrl-C', async () => {
    served.hub.faults = { silent: true };
    const running = start(['pull', 'o/m', ...served.options, '--stall-timeout', '600', '--json']);
    await vi.waitFor(() => expect(listings()).toBe(1), { timeout: 120_000 });
    running.child.kill('SIGINT');
    const { exitCode, stdout } = await running.outcome;
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([130, 'ABORTED']);
  });
});

describe('a token', () => {
  it('is for the hub alone, and not for where it redirects to', async () => {
    const storage = new Hub(repositories);
    try {
      served.hub.faults = { storage: await storage.start() };
      const { exitCode, stderr, json } = await served.pull('closed/m', '--token', 'hf_good');
      expect(exitCode, stderr).toBe(0);
      expect(json.fetchedBytes).toBe(model.length);
      expect(new Set(served.hub.tokens)).toEqual(new Set(['Bearer hf_good']));
      expect(storage.tokens.length).toBeGreaterThan(1);
      expect(new Set(storage.tokens)).toEqual(new Set([undefined]));
    } finally {
      storage.stop();
    }
  });

  it('is not for another host that a listing goes on at', async () => {
    const elsewhere = new Hub(repositories);
    try {
      served.hub.faults = { nextPage: `${await elsewhere.start()}/api/models/o/m/tree/main?cursor=2` };
      expect((await served.pull('o/m', '--dry-run', '--token', 'hf_good')).exitCode).toBe(0);
      expect(elsewhere.tokens).toEqual([undefined]);
    } finally {
      elsewhere.stop();
    }
  });

  it('of a mirror may be called anything', async () => {
    expect((await served.pull('o/m', '--dry-run', '--token', 'glpat-1234')).exitCode).toBe(0);
    expect(served.hub.tokens).toContain('Bearer glpat-1234');
  });

  it('may have a line break at its end, but not within, and is never shown', async () => {
    expect((await served.pull('closed/m', '--dry-run', '--token', 'hf_good\n')).exitCode).toBe(0);
    const error = await served.error('closed/m', '--token', 'hf_se\ncret');
    expect(error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining('--token is a token') });
    expect(JSON.stringify(error)).not.toContain('cret');
  });
});

describe('the options of pull', () => {
  it.each([
    ['--stall-timeout', '1e99'],
    ['--stall-timeout', '0'],
    ['--endpoint', 'foo'],
    ['--endpoint', 'ftp://localhost'],
  ])('refuse %s %s', async (option, value) => {
    const { exitCode, json, stderr } = await served.pull<{ error: { code: string; message: string } }>(
      'o/m',
      option,
      value,
    );
    expect([exitCode, json.error.code]).toEqual([2, 'BAD_USAGE']);
    expect(json.error.message).toContain(option);
    expect(stderr).toBe('');
  });
});
