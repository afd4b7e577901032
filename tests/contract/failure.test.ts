import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../dist/native-bridge/bridge.js';
import { fromShape } from '../../dist/src/contract/failure.js';
import { FlashrowError } from '../../dist/src/errors.js';
import { InsufficientMemoryError } from '../../dist/src/plan/insufficient-memory.js';
import type { Plan } from '../../dist/src/plan/plan.js';
import { toShape } from '../../dist/src/worker/failure-shape.js';

const NOTHING = { isMixture: false, store: null };

/** As a failure arrives on the other side of a message channel. */
function across(thrown: unknown, subject: Parameters<typeof toShape>[1] = NOTHING): FlashrowError {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(toShape(thrown, subject));
    return fromShape(receiveMessageOnPort(port2)!.message);
  } finally {
    port1.close();
  }
}

describe('a failure that crosses to the other thread', () => {
  it('keeps code, message and details', () => {
    const error = across(new FlashrowError('NOT_FOUND', 'no such file', { path: '/x' }));
    expect(error).toBeInstanceOf(FlashrowError);
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'no such file', details: { path: '/x' } });
  });

  it('keeps the plan of a budget that is too small, and its class', () => {
    const plan = { fits: false, minimumBytes: 5e6, budgetBytes: 1e6 } as Plan;
    const error = across(new InsufficientMemoryError(plan));
    expect(error).toBeInstanceOf(InsufficientMemoryError);
    expect(error).toMatchObject({ code: 'INSUFFICIENT_MEMORY', plan: { minimumBytes: 5e6 } });
  });

  it.each([
    ['CORRUPT', 'CORRUPT'],
    ['IO', 'IO'],
    ['MEMORY', 'INSUFFICIENT_MEMORY'],
    ['USAGE', 'BAD_USAGE'],
  ] as const)("has flashrow's code for the bridge's %s", (bridge, code) => {
    const error = across(new BridgeError(bridge, 'told', { path: 'ffn.bin' }));
    expect(error).toMatchObject({ code, message: 'told', details: { path: 'ffn.bin' } });
  });

  it('is IO where it is none of ours, whatever was thrown', () => {
    expect(across(new RangeError('out'))).toMatchObject({ code: 'IO', message: 'out' });
    expect(across('thrown text')).toMatchObject({ code: 'IO', message: 'thrown text' });
  });

  it('calls a bundle an expert in a mixture, even where the path speaks of bundles', () => {
    const damaged = new BridgeError('CORRUPT', '/bundle 3/ffn.bin: bundle 3 is damaged', { bundle: 3 });
    const error = across(damaged, { isMixture: true, store: null });
    expect(error.message).toBe('/bundle 3/ffn.bin: expert 3 is damaged');
    expect(error.details).toMatchObject({ bundle: 3, expert: 3 });
    expect(across(damaged).message).toBe(damaged.message);
  });

  it('says of a damaged store in the cache folder how it is made again, and of no other', () => {
    const cacheDir = join('/', 'cache');
    const damaged = (file: string) => new FlashrowError('CORRUPT', 'damaged', { path: join(cacheDir, 'model', file) });
    const tell = (path: string, file: string) => across(damaged(file), { isMixture: false, store: { path, cacheDir } });
    const known = tell(join(cacheDir, 'model'), 'manifest.msgpack');
    expect(known.message).toContain(join(cacheDir, 'model'));
    expect(known.details).toMatchObject({ remedy: { action: 'remove', name: 'model', cacheDir } });
    expect(tell(join('/', 'elsewhere', 'model'), 'manifest.msgpack').message).toBe('damaged');
    expect(tell(join(cacheDir, 'model'), 'other.gguf').message).toBe('damaged');
  });
});
