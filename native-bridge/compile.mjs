/**
 * Compiles and links the addon for one target: a compiler, flags, the sources of that system.
 *
 * The floors of src/, top first; a file includes its own folder and those below, by the path from src/:
 *
 *     bindings/      JavaScript's calls, taken apart and checked
 *     stream/        rows from flash, through slots, into the feed-forward network
 *     dense/         what works on memory alone: resident matrices, keys and values, the training of predictors
 *     mixers/        recurrences and convolutions of mixers that keep a state of fixed size
 *     kernels/       products and sums, a file for each instruction set; activations
 *     linux/, darwin/, posix/ (both of them), windows/
 *                    what systems do in their own ways, behind the headers of src/
 *     src/ itself    threads, memory, files, checksums, formats, failures
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeImports } from './node-imports.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const sourceFolder = join(here, 'src');
const require = createRequire(import.meta.url);

/** The folders of src/ for one system alone, and the systems that take each. */
const SYSTEM_FOLDERS = {
  posix: (platform) => platform !== 'win32',
  linux: (platform) => platform !== 'win32' && platform !== 'darwin',
  darwin: (platform) => platform === 'darwin',
  windows: (platform) => platform === 'win32',
};

/** Paths of the files in `folder` and the folders inside it, from `folder` on, with slashes between. */
const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name],
  );

/**
 * The time of the last change of a file, in whole ms; 0 where there is none. A file system may keep a little less than
 * was set.
 */
export const modified = (path) => Math.ceil(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** When anything that the addon is made of was changed last. */
export const newestSource = () =>
  Math.max(
    ...filesBelow(sourceFolder).map((name) => modified(join(sourceFolder, name))),
    ...['build.mjs', 'compile.mjs', 'node-imports.mjs'].map((name) => modified(join(here, name))),
  );

/** Resolves to what the program printed; rejects with its errors, or that it is not there. */
export const run = (program, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (errors += data));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output + errors) : reject(new Error(errors || `${program} exited with ${code}`)),
    );
  });

/** Compiles as many sources at once as there are cores: each takes some 200 MB. Rejects once none is under way. */
async function eachSource(sources, compile) {
  let next = 0;
  const worker = async () => {
    while (next < sources.length) {
      const index = next++;
      try {
        await compile(sources[index], index);
      } catch (error) {
        next = sources.length;
        throw error;
      }
    }
  };
  const done = await Promise.allSettled(Array.from({ length: availableParallelism() }, worker));
  const failed = done.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
}

/** A compiler's machine ("aarch64-linux-gnu", "arm64-apple-darwin23", "x86_64-w64-mingw32") in Node's names. */
export function targetOf(machine) {
  const cpu = machine.split('-')[0];
  const [platform] = Object.entries({ darwin: /darwin|macos/, linux: /linux/, win32: /mingw|windows/ }).find(
    ([, names]) => names.test(machine),
  ) ?? [process.platform];
  return { platform, arch: { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64' }[cpu] ?? cpu };
}

const AVX512 = ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mfma', '-mf16c', '-mpopcnt'];
/**
 * Flags of the sources for one instruction set, several ways to say it, and what the compiler then defines. A source
 * that is compiled without its flags is empty, and its set is missing.
 */
const SIMD_FLAGS = {
  x64: {
    'kernels/avx2.cc': { defines: '__AVX2__', flags: [['-mavx2', '-mfma', '-mf16c', '-mpopcnt']] },
    'kernels/avx512.cc': { defines: '__AVX512DQ__', flags: [AVX512] },
    'kernels/vnni/vnni.cc': { defines: '__AVX512VNNI__', flags: [[...AVX512, '-mavx512vnni']] },
    'kernels/vnni/vbmi.cc': { defines: '__AVX512VBMI__', flags: [[...AVX512, '-mavx512vnni', '-mavx512vbmi']] },
  },
  arm64: {
    'kernels/dotprod.cc': {
      defines: '__ARM_FEATURE_DOTPROD',
      // The second is for Zig, which reads the first in its own way.
      flags: [['-march=armv8.2-a+dotprod'], ['-mcpu=generic+dotprod']],
    },
  },
};

/** The flags of a source; none where the compiler is too old for them or the processor is another. */
async function simdFlags({ program, args, machine }, source) {
  const set = SIMD_FLAGS[targetOf(machine).arch]?.[source];
  for (const flags of set?.flags ?? []) {
    try {
      const defined = await run(program, [...args, ...flags, '-dM', '-E', '-x', 'c++', join(sourceFolder, 'format.h')]);
      if (defined.includes(`#define ${set.defines} `)) return flags;
    } catch {}
  }
  if (set) console.warn(`flashrow: ${program} cannot compile ${source}, so these kernels are left out`);
  return [];
}

function compilerFlags(platform) {
  const includes = [require('node-api-headers').include_dir, require('node-addon-api').include_dir];
  return [
    ...['-O3', '-std=c++17', '-fvisibility=hidden', '-fexceptions', '-Wall', '-Wextra'],
    ...(platform === 'win32'
      ? // BUILDING_NODE_EXTENSION: calls of Node-API go through the variables that node-imports.mjs defines.
        ['-DWIN32_LEAN_AND_MEAN', '-DNOMINMAX', '-DBUILDING_NODE_EXTENSION']
      : ['-fPIC', '-pthread']),
    // Kernels say themselves where a multiply and an add are one operation.
    '-ffp-contract=off',
    ...['-DNAPI_VERSION=9', '-DNODE_ADDON_API_CPP_EXCEPTIONS', '-DNODE_API_NO_EXTERNAL_BUFFERS_ALLOWED'],
    // A worker that is being terminated takes no exception; without this the process would end.
    '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
    // A binary does not depend on where it was compiled.
    `-ffile-prefix-map=${here}=native-bridge`,
    ...['-I', sourceFolder],
    // System headers: their warnings are not ours.
    ...includes.flatMap((folder) => ['-isystem', folder]),
  ];
}

function sharedFlags({ program, args }, platform) {
  if (platform === 'darwin') return ['-shared', '-undefined', 'dynamic_lookup'];
  if (platform !== 'win32') return ['-shared', '-pthread'];
  // The C++ library inside, as Windows brings none. Zig does that anyway, and takes this for an archive.
  return [program, ...args].join(' ').includes('zig') ? ['-shared'] : ['-shared', '-static'];
}

/**
 * Compiles into `output`. `compiler` has a program, its first arguments, and the machine that it compiles for.
 * `linkerFlags` are added to those of the platform. Throws with the compiler's words; then nothing is left behind.
 */
export async function compileAddon({ compiler, output, linkerFlags = [] }) {
  const { program, args, machine } = compiler;
  const { platform } = targetOf(machine);
  const folder = mkdtempSync(join(dirname(output), 'compile-'));
  try {
    // Sorted: the order of a folder's names is the file system's own, and the linker keeps it.
    const sources = filesBelow(sourceFolder)
      .filter((name) => name.endsWith('.cc'))
      .filter((name) => SYSTEM_FOLDERS[name.split('/')[0]]?.(platform) ?? true)
      .sort();
    const paths = sources.map((name) => join(sourceFolder, name));
    if (platform === 'win32') {
      paths.push(join(folder, 'node-imports.cc'));
      writeFileSync(paths.at(-1), nodeImports());
    }
    const flags = compilerFlags(platform);
    const objects = paths.map((_, i) => join(folder, `${i}.o`));
    await eachSource(paths, async (path, i) => {
      const simd = i < sources.length ? await simdFlags(compiler, sources[i]) : [];
      await run(program, [...args, ...flags, ...simd, '-c', path, '-o', objects[i]]);
    });
    await run(program, [...args, ...sharedFlags(compiler, platform), ...linkerFlags, ...objects, '-o', output]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
