import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { availableIsas, nativeUnavailableReason } from '../../../native-bridge/index.js';
import { FlashrowError } from '../../errors.js';
import { addExamples } from '../options/help.js';
import { notice, printJson, printLine } from '../output/output.js';

interface BuildFlags {
  force?: boolean;
  json?: boolean;
}

/** What native-bridge/build.mjs exports. */
interface Builder {
  build(options: { force: boolean }): Promise<{ path: string; compiled: boolean }>;
}

const SCRIPT = new URL('../../../../native-bridge/build.mjs', import.meta.url);
const BRIDGE = new URL('../../../native-bridge/index.js', import.meta.url);

export function buildCommand(): Command {
  const command = new Command('build')
    .description("compile the kernels for this machine, where the package's own do not fit; needs a C++ compiler")
    .option('--force', 'compile also where the kernels that are there work')
    .action(build);
  return addExamples(
    command,
    ['flashrow build', 'compile where nothing else fits'],
    ['CXX=clang++ flashrow build --force', 'with a compiler of your choice'],
  );
}

async function build({ force = false, json }: BuildFlags): Promise<void> {
  if (!force && nativeUnavailableReason() === null)
    return report({ compiled: false, path: null, kernels: availableIsas() }, json);
  if (!existsSync(SCRIPT)) {
    const message = `the sources of the kernels are not there (${fileURLToPath(SCRIPT)}); install the package flashrow again, or run this where it is installed`;
    throw new FlashrowError('NOT_FOUND', message, { path: fileURLToPath(SCRIPT) });
  }
  notice('compiling the kernels, which takes a minute or two');
  const { build: compile } = (await import(SCRIPT.href)) as Builder;
  try {
    const { path, compiled } = await compile({ force });
    report({ compiled, path, kernels: await kernelsOf(path) }, json);
  } catch (error) {
    const message = `the kernels were not compiled: ${(error as Error).message.trim()}`;
    throw new FlashrowError('UNSUPPORTED', message, {}, { cause: error });
  }
}

/** The instruction sets of what was compiled, asked by a process of its own: this one may have loaded another. */
async function kernelsOf(path: string): Promise<string[]> {
  const program = `import { availableIsas, nativeUnavailableReason } from ${JSON.stringify(BRIDGE.href)};
    console.log(JSON.stringify({ kernels: availableIsas(), reason: nativeUnavailableReason() }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const { kernels, reason } = JSON.parse(stdout) as { kernels: string[]; reason: string | null };
  if (reason !== null) throw new Error(`${path} was compiled, but does not load: ${reason}`);
  return kernels;
}

function report(result: { compiled: boolean; path: string | null; kernels: readonly string[] }, json?: boolean): void {
  if (json) {
    printJson(result);
    return;
  }
  const kernels = result.kernels.filter((name) => name !== 'ts').join(', ');
  printLine(
    result.compiled
      ? `compiled ${result.path}; kernels: ${kernels}`
      : `nothing to compile: the kernels that are there work (${kernels})`,
  );
}
