import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../dist/native-bridge/bridge.js';
import { availableIsas, nativeUnavailableReason, openBridge, systemPageBytes } from '../../dist/native-bridge/index.js';
import { temporaryFolder, thrownBy } from './support.js';

const folder = temporaryFolder();

describe('opening a bridge', () => {
  const environment = process.env.FLASHROW_ISA;
  afterEach(() => {
    if (environment === undefined) delete process.env.FLASHROW_ISA;
    else process.env.FLASHROW_ISA = environment;
  });

  const isaOf = (options?: Parameters<typeof openBridge>[0]) => {
    const bridge = openBridge(options);
    bridge.dispose();
    return bridge.isa;
  };

  it('takes the best instruction set, or the one that the environment or the caller names', () => {
    delete process.env.FLASHROW_ISA;
    expect(isaOf()).toBe(availableIsas()[0]);
    process.env.FLASHROW_ISA = 'ts';
    expect(isaOf()).toBe('ts');
    for (const isa of availableIsas()) expect(isaOf({ isa })).toBe(isa);
  });

  it('uses every core unless told otherwise, and refuses numbers that are none', () => {
    const bridge = openBridge();
    expect(bridge.threads).toBe(availableParallelism());
    bridge.dispose();
    for (const isa of availableIsas())
      for (const threads of [0, -1, 1.5, NaN]) expect(thrownBy(() => openBridge({ isa, threads })).code).toBe('USAGE');
  });

  it('names the instruction sets there are where one is asked for that is not', () => {
    process.env.FLASHROW_ISA = 'avx4096';
    const error = thrownBy(() => openBridge());
    expect(error).toBeInstanceOf(BridgeError);
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain('avx4096');
    for (const isa of availableIsas()) expect(error.message).toContain(isa);
  });

  it('always has the twin, and says why where it is alone', () => {
    expect(availableIsas()).toContain('ts');
    expect(nativeUnavailableReason() === null).toBe(availableIsas().length > 1);
  });

  it.skipIf(!existsSync('/proc/self/auxv'))(
    "knows the size of the system's pages as the kernel told this process",
    () => {
      const told = readFileSync('/proc/self/auxv');
      const AT_PAGESZ = 6n;
      const entries = Array.from({ length: told.length / 16 }, (_, i) => i * 16);
      const entry = entries.find((at) => told.readBigUInt64LE(at) === AT_PAGESZ);
      expect(systemPageBytes()).toBe(Number(told.readBigUInt64LE(entry! + 8)));
    },
  );

  it('falls back to the twin where the addon was never built', async () => {
    cpSync(join(import.meta.dirname, '../../dist/native-bridge'), join(folder, 'dist/native-bridge'), {
      recursive: true,
    });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const copy = await import(pathToFileURL(join(folder, 'dist/native-bridge/index.js')).href);
    expect(copy.availableIsas()).toEqual(['ts']);
    expect(copy.nativeUnavailableReason()).toContain('npx flashrow build');
    delete process.env.FLASHROW_ISA;
    expect(copy.openBridge({ threads: 1 }).isa).toBe('ts');
  });
});
