import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The addons that the package ships. Each path stands here as it is: what traces or bundles an app follows such paths,
 * and none that is put together. Seen from this module, compiled.
 */
const SHIPPED: Readonly<Record<string, () => URL>> = {
  'darwin-arm64': () => new URL('../../native-bridge/prebuilds/darwin-arm64/flashrow.node', import.meta.url),
  'darwin-x64': () => new URL('../../native-bridge/prebuilds/darwin-x64/flashrow.node', import.meta.url),
  'linux-arm64-glibc': () => new URL('../../native-bridge/prebuilds/linux-arm64/flashrow.glibc.node', import.meta.url),
  'linux-arm64-musl': () => new URL('../../native-bridge/prebuilds/linux-arm64/flashrow.musl.node', import.meta.url),
  'linux-x64-glibc': () => new URL('../../native-bridge/prebuilds/linux-x64/flashrow.glibc.node', import.meta.url),
  'linux-x64-musl': () => new URL('../../native-bridge/prebuilds/linux-x64/flashrow.musl.node', import.meta.url),
  'win32-arm64': () => new URL('../../native-bridge/prebuilds/win32-arm64/flashrow.node', import.meta.url),
  'win32-x64': () => new URL('../../native-bridge/prebuilds/win32-x64/flashrow.node', import.meta.url),
};

/** This machine, as the shipped addons are called after it; Linux has one for each C library. */
export function machineName(): string {
  const { platform, arch } = process;
  return platform === 'linux' ? `${platform}-${arch}-${isMusl() ? 'musl' : 'glibc'}` : `${platform}-${arch}`;
}

export const isShipped = (machine: string): boolean => Object.hasOwn(SHIPPED, machine);

/** Whether this Node.js runs on musl: its file begins with the name of the loader that it wants. */
function isMusl(): boolean {
  const start = Buffer.alloc(4096);
  try {
    const file = openSync(process.execPath, 'r');
    try {
      readSync(file, start);
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
  return start.includes('/ld-musl-');
}

/** Files that may hold the addon of `machine`, in the order to try them: compiled on it, or shipped. */
export function addonFiles(machine: string): string[] {
  const places = [join('native-bridge', 'build', 'flashrow.node')];
  const followed: string[] = [];
  if (isShipped(machine)) {
    const [platform, arch, libc] = machine.split('-');
    const file = libc === undefined ? 'flashrow.node' : `flashrow.${libc}.node`;
    places.push(join('native-bridge', 'prebuilds', `${platform}-${arch}`, file));
    // A bundler may have put the file elsewhere, under another name.
    followed.push(fileURLToPath(SHIPPED[machine]()));
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
