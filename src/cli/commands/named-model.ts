import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nearestName } from '../../api/nearest-name.js';
import { statIfThere } from '../../disk/folders.js';
import { leadsNowhere } from '../../disk/kept-files.js';
import { FlashrowError, shown } from '../../errors.js';
import { notice } from '../output/output.js';

/** The beginnings that a note was given for: a command may ask twice. */
const told = new Set<string>();

/**
 * The model that `given` names: a path or a whole name stays as it is, the beginning of one name in the cache folder
 * becomes that name. Throws BAD_USAGE where several names begin so, NOT_FOUND where a conversion to it was cut off or
 * where another name or file is likely to be meant. Anything else is returned: whatever opens it refuses it.
 */
export async function namedModel(given: string, cacheDir: string | undefined): Promise<string> {
  if (existsSync(given)) return given;
  refuseLostLink(given, given);
  const [{ listCached }, { resolveSource }] = await Promise.all([
    import('../../hub/cached-models.js'),
    import('../../hub/resolve-source.js'),
  ]);
  const unknown = reasonAgainst(() => resolveSource(given, cacheDir) === given);
  if (unknown === null) return given;
  const models = listCached(cacheDir);
  const finished = models.filter(({ kind }) => kind !== 'unfinished');
  const names = [...new Set(finished.map(({ name }) => name))];
  // A store that was made of a pulled model is that model: its name begins alike.
  const own = finished.filter(({ source }) => source === null || !names.includes(source)).map(({ name }) => name);
  const begun = beginningWith([...new Set(own)], given);
  if (begun.length === 1) {
    if (!told.has(given)) notice(`note: ${given} is ${begun[0]}`);
    told.add(given);
    return begun[0];
  }
  for (const { name, path } of models) if (beginningWith([name], given).length > 0) refuseLostLink(given, path);
  if (begun.length > 1) {
    const message = `${shown(given)} is the beginning of several names: ${begun.join(', ')}`;
    throw new FlashrowError('BAD_USAGE', message, { source: given, tags: begun.join(', ') });
  }
  refuseUnfinished(given, models);
  const meant = nearestName(given, names) ?? modelBeside(given);
  if (meant === null) return given;
  throw new FlashrowError(
    'NOT_FOUND',
    `${shown(given)} is neither a path here nor the name of a model in the cache folder; did you mean ${meant}?`,
    unknown instanceof FlashrowError && unknown.code === 'NOT_FOUND' ? unknown.details : { path: given },
  );
}

/** Null where a name is known; else why it is not: an error, or true where there is none to tell. */
function reasonAgainst(isUnknown: () => boolean): FlashrowError | true | null {
  try {
    return isUnknown() ? true : null;
  } catch (error) {
    // Any other failure says more than a guess would: whatever opens the model meets it again.
    return error instanceof FlashrowError && error.code === 'NOT_FOUND' ? error : null;
  }
}

/** Of `organization/name` the second part may stand alone. */
function beginningWith(names: readonly string[], given: string): string[] {
  const start = given.toLowerCase();
  return names.filter((name) => {
    const whole = name.toLowerCase();
    return whole.startsWith(start) || whole.slice(whole.indexOf('/') + 1).startsWith(start);
  });
}

/** Throws NOT_FOUND where `path` is a link that leads nowhere. */
function refuseLostLink(given: string, path: string): void {
  if (!leadsNowhere(path)) return;
  throw new FlashrowError(
    'NOT_FOUND',
    `${shown(given)} is a link to ${readlinkSync(path)}, which is not there; put that back, or remove the link`,
    { path },
  );
}

function refuseUnfinished(given: string, models: readonly { kind: string; name: string; path: string }[]): void {
  const cached = models.find(({ kind, name }) => kind === 'unfinished' && beginningWith([name], given).length > 0);
  const partial = existsSync(`${given}.partial`) ? `${given}.partial` : cached?.path;
  if (partial === undefined) return;
  throw new FlashrowError(
    'NOT_FOUND',
    `${shown(given)} is not finished: its conversion or its pull was cut off (${partial}); give the command that began it again, and it goes on`,
    { path: given },
  );
}

/** The file of a model, or the folder, beside `given` whose name is most like its own. */
function modelBeside(given: string): string | null {
  try {
    const folder = dirname(given);
    const names = readdirSync(folder).filter((name) => {
      const found = statIfThere(join(folder, name));
      return found?.isDirectory() || (found?.isFile() && /\.gguf$/i.test(name));
    });
    // The names alone are compared: a long path before them makes any two alike.
    const meant = nearestName(basename(given), names);
    return meant === null || basename(given) === given ? meant : join(folder, meant);
  } catch {
    return null;
  }
}
