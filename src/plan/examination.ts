import type { ReadPoint } from './read-curve.js';

/** What was measured of a machine, and what it means. Sizes are bytes, speeds bytes per second. */
export interface Examination {
  node: string;
  /** Null where it is not installed. */
  onnxRuntime: string | null;
  cpu: {
    model: string;
    cores: number;
    threads: number;
    /** The instruction set that is used, and those that could be, best first. */
    kernels: string;
    available: string[];
    /** Why the compiled kernels are not used; null where they are. */
    unavailableReason: string | null;
    /** Bytes of q8_0 weights per second, one token at a time. */
    weightBytesPerSecond: number;
  };
  memory: {
    totalBytes: number;
    /** What a process may still take; of the container, where that has less. */
    availableBytes: number;
    /** The container's limit; null without one. */
    limitBytes: number | null;
  };
  disk: {
    /** What was read: a file of the caller's, or a folder with a file of ours. */
    path: string;
    freeBytes: number;
    /** Whether it is a file system that keeps its files in memory: the figures are then no disk's. */
    inMemory: boolean;
    /** Whether reads pass the page cache by. */
    direct: boolean;
    curve: ReadPoint[];
  };
  verdict: string[];
}
