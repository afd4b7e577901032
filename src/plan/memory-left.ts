import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { systemMemory } from '../../native-bridge/index.js';
import { type ControlGroup, controlGroups, fileText } from './control-groups.js';

/** What this process may still take. Sizes are bytes. */
export interface MemoryLeft {
  /**
   * What the machine and every control group (or job of Windows) have left, whichever has least. Swap does not count.
   */
  availableBytes: number;
  /** The least limit of a control group; null where none has one. */
  limitBytes: number | null;
  /**
   * What the tightest limit leaves once every page of a file is dropped. Beyond that the kernel kills, or Windows
   * refuses. Null without one.
   */
  roomBytes: number | null;
}

/** The files of a memory controller, by the version of its hierarchy. */
const FILES = {
  1: {
    limit: 'memory.limit_in_bytes',
    throttle: null,
    usage: 'memory.usage_in_bytes',
    inactive: 'total_inactive_file',
    active: 'total_active_file',
  },
  2: {
    limit: 'memory.max',
    throttle: 'memory.high',
    usage: 'memory.current',
    inactive: 'inactive_file',
    active: 'active_file',
  },
} as const;

/**
 * Asks the kernel what is left now. A group's page cache counts as used where it is in use (active), and as left where
 * the kernel would drop it first (inactive). `root` is the folder that holds /proc and /sys.
 */
export function memoryLeft(root = '/'): MemoryLeft {
  const machine = machineMemory(root);
  const groups = controlGroups('memory', root).map((group) => leftIn(group, machine.totalBytes));
  return {
    availableBytes: Math.min(machine.availableBytes, ...groups.map(({ availableBytes }) => availableBytes)),
    limitBytes: leastOf(groups.map(({ limitBytes }) => limitBytes)),
    roomBytes: leastOf([machine.roomBytes, ...groups.map(({ roomBytes }) => roomBytes)]),
  };
}

function leftIn({ version, folder }: ControlGroup, totalBytes: number): MemoryLeft {
  const files = FILES[version];
  // Version 1 writes a number beyond any memory where there is no limit, version 2 writes `max`.
  const limitIn = (file: string | null): number => {
    const limit = file === null ? null : bytesIn(join(folder, file));
    return limit !== null && limit < totalBytes ? limit : Number.POSITIVE_INFINITY;
  };
  const usage = bytesIn(join(folder, files.usage)) ?? 0;
  const statistics = fileText(join(folder, 'memory.stat')) ?? '';
  const pages = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(statistics)?.[1] ?? 0);
  const limit = limitIn(files.limit);
  const held = Math.max(0, usage - pages(files.inactive));
  const unmovable = Math.max(0, held - pages(files.active));
  return {
    availableBytes: Math.max(0, Math.min(limit, limitIn(files.throttle)) - held),
    limitBytes: finite(limit),
    roomBytes: finite(Math.max(0, limit - unmovable)),
  };
}

/**
 * MemAvailable counts the page cache that the kernel would drop. macOS and Windows are asked by the addon. Elsewhere,
 * and without the addon, Node is asked, whose older versions know less.
 */
function machineMemory(root: string): { totalBytes: number; availableBytes: number; roomBytes: number | null } {
  const text = fileText(join(root, 'proc/meminfo')) ?? '';
  const kib = (field: string) => /^\d+$/.exec(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? '')?.[0];
  const [total, available] = [kib('MemTotal'), kib('MemAvailable')];
  const told = available === undefined ? systemMemory() : null;
  // The types promise the function, but it came with Node 20.13.
  const asked = process.availableMemory as (() => number) | undefined;
  const free = told?.availableBytes ?? asked?.call(process) ?? freemem();
  return {
    totalBytes: total === undefined ? totalmem() : Number(total) * 1024,
    availableBytes: available === undefined ? Math.min(free, told?.leftUnderLimit ?? free) : Number(available) * 1024,
    roomBytes: told?.leftUnderLimit ?? null,
  };
}

/** A number of bytes in a file of its own; null where it is no number, or the file is not there. */
function bytesIn(path: string): number | null {
  const text = fileText(path)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
}

const finite = (bytes: number): number | null => (Number.isFinite(bytes) ? bytes : null);

const leastOf = (values: readonly (number | null)[]): number | null =>
  finite(Math.min(...values.map((value) => value ?? Number.POSITIVE_INFINITY)));
