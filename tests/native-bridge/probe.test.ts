import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ISAS, temporaryFolder, thrownBy, writeFiles } from './support.js';

const folder = temporaryFolder();

describe.each(ISAS)('the read probe on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 1 });
  const [path, small] = writeFiles(folder, [new Uint8Array(1 << 20).fill(1), new Uint8Array(10)]);

  it('reads no more than it was told to, and says how much in what time', () => {
    for (const [recordBytes, readThreads] of [
      [4096, 1],
      [65536, 4],
      [10_000, 3],
    ]) {
      const probe = bridge.probeReads(path, recordBytes, 300_000, readThreads);
      expect(probe.bytes).toBeGreaterThanOrEqual(recordBytes);
      expect(probe.bytes).toBeLessThanOrEqual(300_000 + readThreads * (recordBytes + 8192));
      expect(probe.seconds).toBeGreaterThan(0);
      expect(typeof probe.direct).toBe('boolean');
      if (isa === 'ts') expect(probe.direct).toBe(false);
    }
  });

  it('does with a file smaller than a record', () => {
    expect(bridge.probeReads(small, 4096, 8192, 2).bytes).toBeLessThanOrEqual(8192);
  });

  it('names a file that is not there', () => {
    const error = thrownBy(() => bridge.probeReads(join(folder, 'absent'), 4096, 4096, 1));
    expect(error).toBeInstanceOf(BridgeError);
    expect(error.details).toMatchObject({ path: join(folder, 'absent'), errno: 'ENOENT' });
  });
});
