import type { ReadPoint } from './speeds/read-curve.js';

/** What a machine gives, measured, and what that means for a model. Sizes are bytes, speeds bytes per second. */
export interface Examination {
  node: string;
  /** Null where it is not installed. */
  onnxRuntime: string | null;
  cpu: {
    model: string;
    cores: number;
    threads: number;
    /** The instruction set in use. */
    kernels: string;
    /** The instruction sets that work here, best first. */
    available: string[];
    /** Why the compiled kernels are not used; null where they are. */
    unavailableReason: string | null;
    /** Bytes of q8_0 weights per second, one token at a time. */
    weightBytesPerSecond: number;
    /** The share of its cores' time that this process had meanwhile, 0 to 1: less where other work took them. */
    coreShare: number;
  };
  memory: {
    totalBytes: number;
    /** Memory that a process may still take, in the machine or in the container, whichever has less. */
    availableBytes: number;
    /** The container's limit; null without one. */
    limitBytes: number | null;
  };
  disk: {
    /** The file that was read, or the folder of a file that was written to be read. */
    path: string;
    freeBytes: number;
    /** Whether the file system keeps its files in memory. The figures are then not those of a disk. */
    inMemory: boolean;
    /** Whether reads pass the page cache by. */
    direct: boolean;
    curve: ReadPoint[];
  };
  /** How models that people know would run here with the default budget, in 4 bits; reckoned, not run. */
  models: {
    name: string;
    /** Size of the file. */
    fileBytes: number;
    fits: boolean;
    /** The share of the feed-forward networks that the cache would hold, 0 to 1. */
    cachedShare: number;
    /** Expected speed; null where it does not fit. */
    tokensPerSecond: number | null;
  }[];
  verdict: string[];
}
