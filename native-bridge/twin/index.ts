import type { Bridge } from '../bridge.js';
import { crc32c } from '../crc32c.js';
import { createTrainer } from '../low-rank-trainer.js';
import { isCount, usage } from './errors.js';
import { TwinKeyValueCache } from './key-value-cache.js';
import { trainLowRank } from './low-rank-trainer.js';
import { TwinMatrix } from './matrix.js';
import { convolve, recur } from './mixers.js';
import { probeReads } from './probe.js';
import { countAgreements } from './signs.js';
import { TwinStream } from './stream.js';
import { TwinTwoBitNetworks } from './two-bit-networks.js';

/**
 * The bridge in plain TypeScript: the reference that the native kernels are checked against, and the fallback where the
 * addon is missing. It is correct and no more: it has one thread and buffered reads, and keeps no promise about speed
 * or memory.
 */
export function openTwin(threads: number): Bridge {
  if (!isCount(threads) || threads === 0) throw usage(`${threads} is not a number of threads`);
  let disposed = false;
  const alive = <Arguments extends unknown[], Result>(call: (...args: Arguments) => Result) => {
    return (...args: Arguments): Result => {
      if (disposed) throw usage('the bridge was disposed');
      return call(...args);
    };
  };
  return {
    isa: 'ts',
    threads,
    createStream: alive((options) => new TwinStream(options)),
    loadMatrix: alive((source) => new TwinMatrix(source)),
    loadTwoBitNetworks: alive((source) => new TwinTwoBitNetworks(source)),
    createKeyValueCache: alive((options) => new TwinKeyValueCache(options)),
    createLowRankTrainer: alive((options) => createTrainer(options, trainLowRank)),
    countAgreements: alive(countAgreements),
    convolve: alive(convolve),
    recur: alive(recur),
    crc32c: (bytes, seed) => crc32c(bytes, seed),
    recycleMemory: () => {},
    probeReads: alive((path, recordBytes, totalBytes) => probeReads(path, recordBytes, totalBytes)),
    dispose() {
      disposed = true;
    },
  };
}
