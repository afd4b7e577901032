/**
 * Compiles the addon with the C++ compiler of this machine: no download, no node-gyp. `npm install` runs it. Without a
 * compiler the package still works, on the portable TypeScript twin, so this never fails an installation.
 *
 * With `--prebuilt` the addon is compiled to be shipped: it goes into prebuilds/ and has the C++ library inside. An
 * installation compiles nothing if the package brings an addon that loads. CXX may name a cross compiler: the compiler
 * says which machine it compiles for, and that decides the flags and the folder.
 *
 * The floors of src/, top first; a file includes its own folder and those below, by the path from src/:
 *
 *     bindings/      JavaScript's calls, taken apart and checked
 *     stream/        rows from flash, through slots, into the feed-forward network
 *     dense/         what works on memory alone: resident matrices, keys and values, the training of predictors
 *     mixers/        recurrences and convolutions of mixers that keep a state of fixed size
 *     kernels/       products and sums, a file for each instruction set
 *     src/ itself    threads, memory, files, checksums, formats, failures
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const sourceFolder = join(here, 'src');
const buildFolder = join(here, 'build');
const addon = join(buildFolder, 'flashrow.node');
const prebuiltFor = (platform, arch) => join(here, 'prebuilds', `${platform}-${arch}`, 'flashrow.node');
const ships = process.argv.includes('--prebuilt');
const require = createRequire(import.meta.url);

/** Paths of the files in `folder` and the folders inside it, from `folder` on, with slashes between. */
const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name],
  );

const modified = (path) => {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
};

/** Resolves to what the program printed; rejects with its errors, or that it is not there. */
const run = (program, args) =>
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

async function findCompiler() {
  for (const compiler of [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)) {
    // CXX may carry arguments of its own, as in "ccache g++".
    const [program, ...args] = compiler.split(' ');
    try {
      const machine = (await run(program, [...args, '-dumpmachine'])).trim();
      return { program, args, machine };
    } catch {}
  }
  throw new Error('no C++ compiler was found (CXX, c++, g++, clang++)');
}

/** A compiler's machine ("aarch64-linux-gnu", "arm64-apple-darwin23") in Node's names. */
function targetOf(machine) {
  const cpu = machine.split('-')[0];
  return {
    platform: ['darwin', 'linux'].find((name) => machine.includes(name)) ?? process.platform,
    arch: { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64' }[cpu] ?? cpu,
  };
}

const AVX512 = ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mfma', '-mf16c', '-mpopcnt'];
/**
 * Flags of the sources for one instruction set. A source that is compiled without its flags is empty, and its set is
 * missing.
 */
const SIMD_FLAGS = {
  x64: {
    'kernels/avx2.cc': ['-mavx2', '-mfma', '-mf16c', '-mpopcnt'],
    'kernels/avx512.cc': AVX512,
    'kernels/vnni.cc': [...AVX512, '-mavx512vnni'],
  },
  arm64: { 'kernels/dotprod.cc': ['-march=armv8.2-a+dotprod'] },
};

/** The flags of a source; none where the compiler is too old for them or the processor is another. */
async function simdFlags({ program, args, machine }, source) {
  const flags = SIMD_FLAGS[targetOf(machine).arch]?.[source] ?? [];
  try {
    if (flags.length > 0) await run(program, [...args, ...flags, '-E', '-x', 'c++', '/dev/null']);
    return flags;
  } catch {
    return [];
  }
}

function loads(path) {
  try {
    require(path);
    return true;
  } catch {
    return false;
  }
}

async function build() {
  if (process.platform === 'win32') throw new Error('the addon does not support Windows yet');
  const files = filesBelow(sourceFolder);
  const sources = files.filter((name) => name.endsWith('.cc'));
  const newest = Math.max(
    ...files.map((name) => modified(join(sourceFolder, name))),
    modified(fileURLToPath(import.meta.url)),
  );
  const shipped = prebuiltFor(process.platform, process.arch);
  if (!ships && (modified(addon) >= newest || (modified(shipped) >= newest && loads(shipped)))) return;

  const includes = [require('node-api-headers').include_dir, require('node-addon-api').include_dir];
  const compiler = await findCompiler();
  const { program, args } = compiler;
  const { platform, arch } = targetOf(compiler.machine);
  const target = ships ? prebuiltFor(platform, arch) : addon;
  if (modified(target) >= newest) return;
  const flags = [
    ...['-O3', '-std=c++17', '-fPIC', '-fvisibility=hidden', '-fexceptions', '-pthread', '-Wall', '-Wextra'],
    // Kernels say themselves where a multiply and an add are one operation.
    '-ffp-contract=off',
    ...['-DNAPI_VERSION=9', '-DNODE_ADDON_API_CPP_EXCEPTIONS', '-DNODE_API_NO_EXTERNAL_BUFFERS_ALLOWED'],
    // A worker that is being terminated takes no exception; without this the process would end.
    '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
    ...['-I', sourceFolder],
    // System headers: their warnings are not ours.
    ...includes.flatMap((folder) => ['-isystem', folder]),
  ];
  mkdirSync(buildFolder, { recursive: true });
  // Compiles in a folder of its own and renames at the end: an interrupted or a second build leaves nothing
  // half-written.
  const scratch = mkdtempSync(join(buildFolder, 'compile-'));
  try {
    const objects = sources.map((name) => join(scratch, name.replaceAll('/', '-').replace(/cc$/, 'o')));
    const compiled = await Promise.allSettled(
      sources.map(async (name, i) => {
        const simd = await simdFlags(compiler, name);
        return run(program, [...args, ...flags, ...simd, '-c', join(sourceFolder, name), '-o', objects[i]]);
      }),
    );
    const failed = compiled.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
    const shared = platform === 'darwin' ? ['-shared', '-undefined', 'dynamic_lookup'] : ['-shared'];
    // Another machine's C++ library may be older.
    if (ships && platform === 'linux') shared.push('-static-libstdc++', '-static-libgcc', '-s');
    const linked = join(scratch, 'flashrow.node');
    await run(program, [...args, ...shared, '-pthread', ...objects, '-o', linked]);
    // As old as its newest source: an edit made while this compiles counts as newer.
    utimesSync(linked, new Date(), new Date(Math.ceil(newest)));
    mkdirSync(dirname(target), { recursive: true });
    renameSync(linked, target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await build();
} catch (error) {
  const lines = String(error.message).trim().split('\n');
  const reason = lines.find((line) => line.includes('error')) ?? lines[0];
  // A package without its addon must not be packed unnoticed.
  if (ships) process.exitCode = 1;
  console.error(
    `flashrow: the native addon was not built, so the slower portable TypeScript twin will be used: ${reason}`,
  );
}
