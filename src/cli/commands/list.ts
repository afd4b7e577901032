import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { nearestName } from '../../api/nearest-name.js';
import { leadsNowhere } from '../../disk/kept-files.js';
import { FlashrowError } from '../../errors.js';
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
  const { listModels } = await import('../../api/cached-models.js');
  const models = await listModels({ cacheDir });
  if (json) printJson({ models });
  else if (models.length === 0) printLine('nothing yet; `flashrow pull` fetches models');
  else printLine(tableOf(models));
}

/** Texts align to the left, figures to the right. */
function tableOf(models: readonly CachedModel[]): string {
  const kinds = ['kind', ...models.map(describe)];
  const width = Math.max(...kinds.map((kind) => kind.length));
  const [heading, ...rows] = kinds.map((kind) => kind.padEnd(width));
  return formatTable([
    ['name', heading, 'size', 'written'],
    ...models.map(({ name, bytes, modified }, at) => [name, rows[at], formatBytes(bytes), modified.slice(0, 10)]),
  ]);
}

async function remove(name: string, { cacheDir, json }: ListFlags): Promise<void> {
  const { listModels, removeModel } = await import('../../api/cached-models.js');
  const removed = await orExplained(
    () => removeModel(name, { cacheDir }),
    async () => (await listModels({ cacheDir })).map((model) => model.name),
  );
  if (json) return printJson(removed);
  printLine(
    removed.removed.map((model) => `${model.name} (${describe(model)}): ${formatBytes(model.bytes)}`).join('\n'),
  );
  printLine(`removed ${formatBytes(removed.bytes)}`);
  if (removed.left.length > 0)
    printLine(`the links are gone, and what they led to was left:\n${removed.left.join('\n')}`);
}

function describe({ kind, source, path, readsFrom }: CachedModel): string {
  if (leadsNowhere(path)) return 'link, leads nowhere';
  const gone = readsFrom.some((file) => !existsSync(file));
  const inPlace = gone ? ', which is gone' : readsFrom.length > 0 ? ', read in place' : '';
  return source === null ? kind : `${kind} of ${source}${inPlace}`;
}

/** Runs a removal; a failure says which name was likely meant. */
async function orExplained<T>(work: () => Promise<T>, names: () => Promise<string[]>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FlashrowError) throw withSuggestion(error, await names());
    throw error;
  }
}

/** What is removed has to be named in full: a beginning is only asked about. */
function withSuggestion(error: FlashrowError, names: readonly string[]): FlashrowError {
  if (error.code !== 'NOT_FOUND' || error.details.name === undefined) return error;
  const given = error.details.name;
  const meant = names.find((name) => name.startsWith(given)) ?? nearestName(given, names);
  if (meant === null) return error;
  return new FlashrowError('NOT_FOUND', `${error.message}; did you mean ${meant}?`, error.details, { cause: error });
}
