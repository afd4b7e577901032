import type { Bridge, MatrixSource, ResidentMatrix } from '../../../native-bridge/bridge.js';
import { rowBytes } from '../../../native-bridge/formats.js';
import { quotaCores } from '../cpu-quota.js';
import { memoryLeft } from '../memory-left.js';

/** Loads that are timed, bytes together, and so many at most: each takes whole pages, however small its matrix is. */
const [LOADED_BYTES, MOST_LOADS] = [64e6, 256];

/** A probe takes this share of the memory that is left at most: where little is, it measures on less. */
const MEMORY_SHARE = 0.4;
/** The best of so many probes counts: whatever else runs makes one slower, never faster. */
const PROBES = 5;
const PROBE_MS = 12;
/** With less of its cores' time than this a probe was disturbed. */
const CALM_SHARE = 0.8;

/** How fast the kernels multiply. */
export interface KernelSpeed {
  /** Bytes of weights per second. */
  bytesPerSecond: number;
  /** The share of its cores' time that this process had meanwhile, 0 to 1. */
  coreShare: number;
  /** Whether other work took so much of the cores that the speed was reckoned from processor time. */
  disturbed: boolean;
}

/**
 * Times products of a matrix and `tokens` vectors at once. A model's weights come from memory. A few megabytes would
 * come from the processor's cache instead, at twice the speed. So `source` is loaded several times, up to `bytes`
 * together, and the copies are multiplied by in turn. Where other work takes the cores, processor time tells what the
 * kernels would do with all of them. Throws BridgeError.
 */
export function kernelSpeed(bridge: Bridge, source: MatrixSource, bytes: number, tokens = 1): KernelSpeed {
  const { rows, columns, format } = source;
  const sourceBytes = rows * rowBytes(format, columns);
  const x = new Float32Array(tokens * columns).fill(1);
  const y = new Float32Array(tokens * rows);
  const cores = Math.min(bridge.threads, quotaCores() ?? bridge.threads);
  const matrices: ResidentMatrix[] = [];
  try {
    const most = Math.min(bytes, MEMORY_SHARE * memoryLeft().availableBytes);
    for (let held = 0; held === 0 || held + sourceBytes <= most; held += sourceBytes)
      matrices.push(bridge.loadMatrix(source));
    matrices[0].matmul(x, tokens, y);
    const cpuBefore = process.cpuUsage();
    let [best, wallMs, multiplied] = [0, 0, 0];
    for (let probe = 0; probe < PROBES; probe++) {
      const start = performance.now();
      let products = 0;
      for (; performance.now() - start < PROBE_MS; products++)
        matrices[products % matrices.length].matmul(x, tokens, y);
      const ms = performance.now() - start;
      best = Math.max(best, (products * sourceBytes * 1e3) / ms);
      wallMs += ms;
      multiplied += products * sourceBytes;
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuMs = (user + system) / 1e3;
    const coreShare = Math.min(1, cpuMs / (wallMs * cores));
    const disturbed = cpuMs > 0 && coreShare < CALM_SHARE;
    const alone = (multiplied * 1e3 * cores) / Math.max(cpuMs, 1e-3);
    return { bytesPerSecond: disturbed ? Math.max(best, alone) : best, coreShare, disturbed };
  } finally {
    for (const matrix of matrices) matrix.dispose();
  }
}

/**
 * Bytes per second at which one thread brings weights that lie in the page cache into fresh memory: the system clears
 * each page before it is filled, which some machines do more slowly than a disk reads. Throws BridgeError.
 */
export function loadSpeed(bridge: Bridge, source: MatrixSource): number {
  const sourceBytes = source.rows * rowBytes(source.format, source.columns);
  const matrices = [bridge.loadMatrix(source)];
  try {
    const most = Math.min(LOADED_BYTES, MEMORY_SHARE * memoryLeft().availableBytes);
    const start = performance.now();
    let loaded = 0;
    for (; matrices.length <= MOST_LOADS && (loaded === 0 || loaded + sourceBytes <= most); loaded += sourceBytes)
      matrices.push(bridge.loadMatrix(source));
    return (loaded * 1e3) / Math.max(performance.now() - start, 1e-3);
  } finally {
    for (const matrix of matrices) matrix.dispose();
  }
}
