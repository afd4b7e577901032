/**
 * Compiles the addon for this machine with its own C++ compiler: no download, no node-gyp. `npx flashrow build` runs it
 * where the package brings no addon that fits, and `npm ci` in a checkout. Without a compiler the package still works,
 * on the portable TypeScript twin, many times slower.
 *
 *     node native-bridge/build.mjs               compiles where the sources are newer than what is there
 *     node native-bridge/build.mjs --optional    the same; a failure is told, and is none
 *     node native-bridge/build.mjs --prebuilt    compiles to be shipped, into prebuilds/, the C++ library inside
 *
 * CXX may name another compiler, with arguments of its own ("ccache g++"). It may be a cross compiler: it says which
 * machine it compiles for.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileAddon, modified, newestSource, run, targetOf } from './compile.mjs';

const here = dirname(fileURLToPath(import.meta.url));

export async function findCompiler() {
  for (const compiler of [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)) {
    const [program, ...args] = compiler.split(' ');
    try {
      const machine = (await run(program, [...args, '-dumpmachine'])).trim();
      return { program, args, machine };
    } catch {}
  }
  const advice =
    process.platform === 'win32'
      ? "install LLVM-MinGW or Zig, and name it by CXX (`set CXX=zig c++`); Microsoft's own compiler does not know the vectors that the kernels use"
      : 'install g++ or clang (Debian: g++; macOS: `xcode-select --install`; Termux: clang), or name one by CXX';
  throw new Error(`no C++ compiler was found (CXX, c++, g++, clang++); ${advice}`);
}

/** Where a shipped addon lies. Linux has one for each C library. */
export const prebuiltPath = (platform, arch, musl) =>
  join(
    here,
    'prebuilds',
    `${platform}-${arch}`,
    platform === 'linux' ? `flashrow.${musl ? 'musl' : 'glibc'}.node` : 'flashrow.node',
  );

/**
 * Compiles in a folder of its own and renames at the end: an interrupted or a second build leaves nothing half-written.
 */
export async function compileTo(target, options) {
  const newest = newestSource();
  mkdirSync(dirname(target), { recursive: true });
  const scratch = mkdtempSync(join(dirname(target), 'link-'));
  try {
    const output = join(scratch, 'flashrow.node');
    await compileAddon({ ...options, output });
    // As old as its newest source: an edit made while this compiles counts as newer.
    utimesSync(output, new Date(), new Date(newest));
    renameSync(output, target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Compiles unless what is there is newer than the sources, or by `force`. Resolves to the path of the addon. */
export async function build({ prebuilt = false, force = false } = {}) {
  const local = join(here, 'build', 'flashrow.node');
  if (!prebuilt && !force && modified(local) >= newestSource()) return { path: local, compiled: false };
  const compiler = await findCompiler();
  const { platform, arch } = targetOf(compiler.machine);
  const path = prebuilt ? prebuiltPath(platform, arch, compiler.machine.includes('musl')) : local;
  if (!force && modified(path) >= newestSource()) return { path, compiled: false };
  // Another machine's C++ library may be older.
  const linkerFlags = prebuilt && platform === 'linux' ? ['-static-libstdc++', '-static-libgcc', '-s'] : [];
  await compileTo(path, { compiler, linkerFlags });
  return { path, compiled: true };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await build({ prebuilt: process.argv.includes('--prebuilt') });
  } catch (error) {
    const lines = String(error.message).trim().split('\n');
    const reason = lines.find((line) => line.includes('error')) ?? lines[0];
    console.error(
      `flashrow: the native addon was not built, so the slower portable TypeScript twin will be used: ${reason}`,
    );
    // A package without its addon must not be packed unnoticed.
    if (!process.argv.includes('--optional')) process.exitCode = 1;
  }
}
