import { basename, dirname } from 'node:path';
import { BridgeError } from '../../native-bridge/bridge.js';
import type { ErrorShape } from '../contract/protocol.js';
import { asFlashrowError } from '../disk/bridge-errors.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { CONVERTED_FILES } from '../store/manifest.js';

/** The model that the failing call was about. */
interface Subject {
  /** In a mixture a bundle is an expert, and messages call it so. */
  isMixture: boolean;
  /** The store that was opened, and the cache folder that the caller named. */
  store: { path: string; cacheDir: string | undefined } | null;
}

/** Any failure in a form that can cross to the caller's thread. */
export function toShape(thrown: unknown, { isMixture, store }: Subject): ErrorShape {
  const { code, message, details: held } = asFlashrowError(thrown);
  const details = withoutBigInts(held);
  const named = isMixture && thrown instanceof BridgeError ? withExpert(message, details) : { message, details };
  const shape = { code, ...named };
  return store && code === 'CORRUPT' ? withRemedy(shape, store) : shape;
}

/** JSON has no bigint, and what was given may be one. */
const withoutBigInts = <T extends object>(details: T): T =>
  Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  ) as T;

type Told = Pick<ErrorShape, 'message' | 'details'>;

function withExpert(message: string, details: ErrorShape['details']): Told {
  if (!('bundle' in details) || details.bundle === undefined) return { message, details };
  // The path stands first in the message and may hold the same words.
  const at = message.lastIndexOf(`bundle ${details.bundle}`);
  const told = at < 0 ? message : `${message.slice(0, at)}expert${message.slice(at + 'bundle'.length)}`;
  return { message: told, details: { ...details, expert: details.bundle } };
}

/** A load that finds a converted store in the cache folder does not convert again. So the store has to go first. */
function withRemedy(shape: ErrorShape, { path, cacheDir }: NonNullable<Subject['store']>): ErrorShape {
  const { message, details } = shape;
  const isConverted = CONVERTED_FILES.some((name) => name === damagedFile(details));
  if (!isConverted || dirname(path) !== cacheDirectory(cacheDir)) return shape;
  return {
    ...shape,
    message: `${message} (this store is in the cache folder: remove ${path}, and the next load converts again)`,
    details: { ...details, remedy: { action: 'remove', name: basename(path), cacheDir } },
  };
}

function damagedFile(details: ErrorShape['details']): string | null {
  if ('path' in details && details.path !== undefined) return basename(details.path);
  return 'file' in details && details.file !== undefined ? basename(details.file) : null;
}
