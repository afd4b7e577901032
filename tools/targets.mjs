import { prebuiltPath } from '../native-bridge/build.mjs';

/**
 * The systems that the package ships an addon for, by Zig's names. The oldest that Node 20 runs on have glibc 2.28 and
 * macOS 11; 2.17 costs nothing.
 */
export const TARGETS = {
  'linux-x64-glibc': 'x86_64-linux-gnu.2.17',
  'linux-arm64-glibc': 'aarch64-linux-gnu.2.17',
  'linux-x64-musl': 'x86_64-linux-musl',
  'linux-arm64-musl': 'aarch64-linux-musl',
  'darwin-x64': 'x86_64-macos.11.0',
  'darwin-arm64': 'aarch64-macos.11.0',
  'win32-x64': 'x86_64-windows-gnu',
  'win32-arm64': 'aarch64-windows-gnu',
};

/** Where the addon for a target goes. */
export function targetPath(name) {
  const [platform, arch, libc] = name.split('-');
  return prebuiltPath(platform, arch, libc === 'musl');
}
