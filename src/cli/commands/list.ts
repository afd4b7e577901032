import { Command } from 'commander';
import type { CachedModel } from '../../hub/cached-models.js';
import { addExamples } from '../options/help.js';
import { formatBytes, formatTable } from '../output/format.js';
import { printJson, printLine } from '../output/output.js';

const CACHE_DIR = ['--cache-dir <folder>', 'default: FLASHROW_CACHE, else the cache folder of the platform'] as const;

interface ListFlags {
  cacheDir?: string;
  json?: boolean;
}

export function listCommand(): Command {
  const command = new Command('list')
    .alias('ls')
    .description(
      'what is in the cache folder: models that were pulled, stores that checkpoints were converted to, and what was cut off of either',
    )
    .option(...CACHE_DIR)
    .action(list);
  return addExamples(command, ['flashrow list', 'what is there, the largest first']);
}

export function rmCommand(): Command {
  const command = new Command('rm')
    .alias('remove')
    .description(
      'remove from the cache folder, by a name that list shows: a pulled model with the stores made of it, or a store',
    )
    .argument('<name>', 'organization/repository for all of it, organization/repository:tag, or the name of a store')
    .option(...CACHE_DIR)
    .action(remove);
  return addExamples(
    command,
    ['flashrow rm Qwen/Qwen3-0.6B-GGUF:Q8_0', 'remove a model that was pulled'],
    ['flashrow rm model-0123456789abcdef', 'remove a store'],
  );
}

async function list({ cacheDir, json }: ListFlags): Promise<void> {
  const { listCached } = await import('../../hub/cached-models.js');
  const models = listCached(cacheDir);
  if (json) printJson({ models });
  else if (models.length === 0) printLine('nothing yet; `flashrow pull` fetches models');
  else
    printLine(
      formatTable([
        ['name', 'kind', 'size', 'written'],
        ...models.map((model) => [model.name, describe(model), formatBytes(model.bytes), model.modified.slice(0, 10)]),
      ]),
    );
}

async function remove(name: string, { cacheDir, json }: ListFlags): Promise<void> {
  const { removeCached } = await import('../../hub/cached-models.js');
  const removed = removeCached(name, cacheDir);
  if (json) return printJson(removed);
  printLine(
    removed.removed.map((model) => `${model.name} (${describe(model)}): ${formatBytes(model.bytes)}`).join('\n'),
  );
  printLine(`removed ${formatBytes(removed.bytes)}`);
}

const describe = ({ kind, source }: CachedModel): string => (source === null ? kind : `${kind} of ${source}`);
