import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the package has the addon of a machine, seen from this module, compiled; null where it brings none. Each path
 * stands here as it is: what traces or bundles an app follows such paths, and none that is put together.
 */
function shippedAt(machine: string): URL | null {
  switch (machine) {
    case 'darwin-arm64':
      return new URL('../../native-bridge/prebuilds/darwin-arm64/flashrow.node', import.meta.url);
    case 'darwin-x64':
      return new URL('../../native-bridge/prebuilds/darwin-x64/flashrow.node', import.meta.url);
    case 'linux-arm64-glibc':
      return new URL('../../native-bridge/prebuilds/linux-arm64/flashrow.glibc.node', import.meta.url);
    case 'linux-arm64-musl':
      return new URL('../../native-bridge/prebuilds/linux-arm64/flashrow.musl.node', import.meta.url);
    case 'linux-x64-glibc':
      return new URL('../../native-bridge/prebuilds/linux-x64/flashrow.glibc.node', import.meta.url);
    case 'linux-x64-musl':
      return new URL('../../native-bridge/prebuilds/linux-x64/flashrow.musl.node', import.meta.url);
    case 'win32-arm64':
      return new URL('../../native-bridge/prebuilds/win32-arm64/flashrow.node', import.meta.url);
    case 'win32-x64':
      return new URL('../../native-bridge/prebuilds/win32-x64/flashrow.node', import.meta.url);
    default:
      return null;
  }
}

/** This machine, as the shipped addons are called after it; Linux has one for each C library. */
export function machineName(): string {
  const { platform, arch } = process;
  return platform === 'linux' ? `${platform}-${arch}-${isMusl() ? 'musl' : 'glibc'}` : `${platform}-${arch}`;
}

export const isShipped = (machine: string): boolean => shippedAt(machine) !== null;

/** Whether this Node.js runs on musl, by the loader that its file asks for (elf(5), PT_INTERP). */
function isMusl(): boolean {
  const INTERPRETER = 3;
  // Node.js that was started as an argument of the loader: the loader is then the program.
  if (process.execPath.includes('/ld-musl-')) return true;
  try {
    const file = openSync(process.execPath, 'r');
    try {
      const read = (offset: number, bytes: number) => {
        const into = Buffer.alloc(bytes);
        return into.subarray(0, readSync(file, into, 0, bytes, offset));
      };
      const header = read(0, 64);
      const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
      const table = read(Number(header.readBigUInt64LE(32)), size * count);
      for (let at = 0; at < table.length; at += size) {
        if (table.readUInt32LE(at) !== INTERPRETER) continue;
        const loader = read(Number(table.readBigUInt64LE(at + 8)), Number(table.readBigUInt64LE(at + 32)));
        return loader.includes('/ld-musl-');
      }
    } finally {
      closeSync(file);
    }
  } catch {
    // No ELF file, or one that cannot be read: glibc is what most have.
  }
  return false;
}

/** Files that may hold the addon of `machine`, in the order to try them: compiled on it, or shipped. */
export function addonFiles(machine: string): string[] {
  const places = [join('native-bridge', 'build', 'flashrow.node')];
  const followed: string[] = [];
  const shipped = shippedAt(machine);
  if (shipped !== null) {
    const [platform, arch, libc] = machine.split('-');
    const file = libc === undefined ? 'flashrow.node' : `flashrow.${libc}.node`;
    places.push(join('native-bridge', 'prebuilds', `${platform}-${arch}`, file));
    // A bundler may have put the file elsewhere, under another name.
    followed.push(fileURLToPath(shipped));
  }
  return [...new Set([...above(places), ...followed])].filter((path) => existsSync(path));
}

/** The places, seen from the folder that has them: this module's, or one above it, up to the package's own. */
function above(places: readonly string[]): string[] {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const found = places.map((place) => join(folder, place));
    if (found.some((path) => existsSync(path)) || existsSync(join(folder, 'package.json'))) return found;
    if (folder === dirname(folder)) return [];
  }
}
