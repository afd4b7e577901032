/**
 * Compiles the addons that the package ships, for every system, on one machine: by Zig, which brings the headers and
 * libraries of all of them. Prints a table of what came out (tools/binary-table.mjs).
 *
 *     pip install ziglang==0.17.1
 *     npm run prebuilds [-- TARGET...]        TARGET: linux-x64-glibc, ...; all without
 *
 * ZIG names another way to run Zig (default: `python3 -m ziglang`). The same sources and the same Zig give the same
 * bytes, wherever they are.
 */
import { compileTo } from '../native-bridge/build.mjs';
import { run } from '../native-bridge/compile.mjs';
import { binaryTable } from './binary-table.mjs';
import { TARGETS, targetPath } from './targets.mjs';

const [program, ...args] = (process.env.ZIG ?? 'python3 -m ziglang').split(' ');
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(TARGETS);
const unknown = names.find((name) => !(name in TARGETS));
if (unknown !== undefined) throw new Error(`${unknown} is no target; they are ${Object.keys(TARGETS).join(', ')}`);
console.log(`Zig ${(await run(program, [...args, 'version'])).trim()}`);
const paths = [];
for (const name of names) {
  const machine = TARGETS[name];
  const path = targetPath(name);
  const compiler = { program, args: [...args, 'c++', '-target', machine], machine };
  await compileTo(path, { compiler, linkerFlags: ['-s'] });
  paths.push(path);
  console.log(`${name}: ${path}`);
}
console.log(binaryTable(paths));
