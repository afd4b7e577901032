import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Progress } from '../../contract/progress.js';
import { CONVERTED_FILES, type Manifest } from '../../store/manifest.js';
import { formatBytes, formatMs, formatShare, plural } from './format.js';

/** A cautious pace: the same drive is read and written. */
const BYTES_PER_MS = 200_000;

/** The notice before a checkpoint is converted. */
export function conversionNotice({
  total,
  damagedFile,
  copied,
}: Pick<Progress, 'total' | 'damagedFile' | 'copied'>): string {
  if (copied !== undefined && damagedFile === undefined)
    return `${formatBytes(total)} are ${copied}; ${conversionTime(total)}`;
  const what =
    damagedFile === undefined
      ? 'converting the checkpoint once'
      : !CONVERTED_FILES.some((name) => name === damagedFile)
        ? `${damagedFile} has changed since it was converted, so it is converted anew`
        : `the converted model in the cache folder is damaged (${damagedFile}), so the checkpoint is converted anew`;
  return `${what}: ${formatBytes(total)} to write to the cache folder, ${conversionTime(total)}`;
}

export function conversionTime(bytes: number): string {
  const ms = bytes / BYTES_PER_MS;
  return ms < 60_000 ? 'less than a minute' : `about ${formatMs(ms)}`;
}

/**
 * The notice after `source` was converted into the cache folder: where the copy is, how to call it and how to remove
 * it, whether the checkpoint may go, and which formats were not kept.
 */
export async function convertedNotice(
  path: string,
  { ms, source, cacheDir }: { ms: number; source: string; cacheDir: string | undefined },
): Promise<string> {
  const { openStore } = await import('../../store/reader.js');
  const { files, requantized } = openStore(path).manifest;
  const bytes = files.reduce((sum, file) => (file.external === null ? sum + file.bytes : sum), 0);
  const where = [
    `converted in ${formatMs(ms)}: ${formatBytes(bytes)} in ${path}`,
    ...requantizedSummary(requantized),
  ].join('\n');
  const option = cacheDir === undefined ? '' : ` --cache-dir ${cacheDir}`;
  // A model that was pulled is removed with its stores, by its own name.
  if (!existsSync(source)) return `${where}; \`flashrow rm ${source}${option}\` removes it with the model`;
  const inPlace = files.flatMap(({ external }) => external?.path ?? []);
  const checkpoint =
    inPlace.length > 0
      ? `it reads the rest from ${inPlace.join(', ')}, so keep that`
      : `it stands alone, so ${source} may be deleted`;
  const name = basename(path);
  return `${where}\n\`flashrow run ${name}${option}\` runs it; ${checkpoint}; \`flashrow rm ${name}${option}\` removes it`;
}

/** One line for each pair of formats; `--json` lists every tensor. */
export function requantizedSummary(requantized: Manifest['requantized']): string[] {
  const pairs = new Map<string, number[]>();
  for (const { from, to, relativeError } of requantized) {
    const pair = `${from} to ${to}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), relativeError]);
  }
  return [...pairs].map(([pair, errors]) => {
    const worst = Math.max(...errors);
    const loss = worst === 0 ? 'without loss' : `relative error up to ${formatShare(worst)}`;
    return `${pair}: ${plural(errors.length, 'tensor')}, ${loss}`;
  });
}
