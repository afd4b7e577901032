import { Command } from 'commander';
import type { VerifyResult } from '../../contract/protocol.js';
import { interruptSignal } from '../input/interrupt.js';
import { addExamples } from '../options/help.js';
import { formatBytes, plural } from '../output/format.js';
import { printJson, printLine } from '../output/output.js';
import { IN_CACHE, withProgress } from '../output/task-progress.js';
import { namedModel } from './named-model.js';

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('read every byte of a store and compare the checksums; exit code 1 where it is damaged')
    .argument('<store>', 'a store folder, or the name of a store that list shows')
    .option(
      '--cache-dir <folder>',
      'where such a store is (default: FLASHROW_CACHE, else the cache folder of the platform)',
    )
    .action(verify);
  return addExamples(command, ['flashrow verify store', 'is the disk still right?']);
}

async function verify(store: string, flags: { cacheDir?: string; json?: boolean }): Promise<void> {
  const [{ verifyStore }, { resolveSource }] = await Promise.all([
    import('../../api/verify-store.js'),
    import('../../hub/resolve-source.js'),
  ]);
  const path = resolveSource(await namedModel(store, flags.cacheDir), flags.cacheDir);
  const { result } = await withProgress(IN_CACHE, (onProgress) =>
    verifyStore(path, { signal: interruptSignal(), onProgress }),
  );
  if (!result.ok) process.exitCode = 1;
  if (flags.json) return printJson(result);
  const { ok, firstBad, bundles, bytes, unchecked } = result;
  const where = firstBad ? `; ${firstBad.reason ?? `the first damage is ${damagePlace(firstBad)}`}` : '';
  const others =
    unchecked > 0
      ? `; ${plural(unchecked, 'bundle')} lie in the checkpoint's own file without checksums, and its header, size and time of writing are as they were`
      : '';
  printLine(
    `${ok ? 'intact' : 'damaged'}: read ${formatBytes(bytes)} in ${plural(bundles, 'bundle')}${others}${where}`,
  );
}

/** Only the streamed rows belong to a layer and a bundle. */
function damagePlace({ file, offset, layer, bundle }: NonNullable<VerifyResult['firstBad']>): string {
  const inside = layer === null || bundle === null ? '' : ` (layer ${layer}, bundle ${bundle})`;
  return `at offset ${offset} of ${file}${inside}`;
}
