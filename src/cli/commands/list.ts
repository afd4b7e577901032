import { Command } from 'commander';
import { formatBytes, formatTable } from '../format.js';
import { printJson, printLine } from '../output.js';

const CACHE_DIR = ['--cache-dir <folder>', 'default: FLASHROW_CACHE, else the cache folder of the platform'] as const;

interface ListFlags {
  cacheDir?: string;
  json?: boolean;
}

export function listCommand(): Command {
  return new Command('list')
    .description('what is in the cache folder: models that were pulled, and stores that checkpoints were converted to')
    .option(...CACHE_DIR)
    .action(list);
}

export function rmCommand(): Command {
  return new Command('rm')
    .description(
      'remove a model or a store from the cache folder, by a name that list shows; a pulled model also with :tag',
    )
    .argument('<name>', 'organization/repository[:tag], or the name of a store')
    .option(...CACHE_DIR)
    .action(remove);
}

async function list({ cacheDir, json }: ListFlags): Promise<void> {
  const { listCached } = await import('../../runtime/cached-models.js');
  const models = listCached(cacheDir);
  if (json) printJson({ models });
  else if (models.length === 0) printLine('nothing yet; `flashrow pull` fetches models');
  else
    printLine(
      formatTable([
        ['name', 'kind', 'size', 'written'],
        ...models.map(({ name, kind, bytes, modified }) => [name, kind, formatBytes(bytes), modified.slice(0, 10)]),
      ]),
    );
}

async function remove(name: string, { cacheDir, json }: ListFlags): Promise<void> {
  const { removeCached } = await import('../../runtime/cached-models.js');
  const removed = removeCached(name, cacheDir);
  if (json) printJson(removed);
  else printLine(`removed ${name}, ${formatBytes(removed.bytes)}`);
}
