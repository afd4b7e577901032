import { basename, dirname } from 'node:path';
import { BridgeError } from '../../native-bridge/bridge.js';
import { asFlashrowError } from '../disk/bridge-errors.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { FlashrowError } from '../errors.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import type { Plan } from '../plan/plan.js';
import { CONVERTED_FILES } from '../store/manifest.js';
import type { ErrorShape } from './api.js';

/** What a failing call was about. */
interface Subject {
  /** In a mixture a bundle is an expert, and is called so. */
  isMixture?: boolean;
  /** The store at work, and the cache folder that its caller named. */
  store?: { path: string; cacheDir: string | undefined } | null;
}

/** Any failure in a form that crosses a thread boundary. */
export function toShape(error: unknown, { isMixture = false, store = null }: Subject = {}): ErrorShape {
  const shape = plainShape(error, isMixture);
  return store && shape.code === 'CORRUPT' ? { ...shape, message: shape.message + advice(shape, store) } : shape;
}

/** How to convert again what was converted into the cache folder: loading finds a store there, and does not. */
function advice({ details }: ErrorShape, { path, cacheDir }: NonNullable<Subject['store']>): string {
  const file = basename(String(details.path ?? details.file));
  if (dirname(path) !== cacheDirectory(cacheDir) || !CONVERTED_FILES.some((name) => name === file)) return '';
  const where = cacheDir === undefined ? '' : ` --cache-dir ${cacheDir}`;
  return ` (it is in the cache folder: \`flashrow rm ${basename(path)}${where}\`, and the next load converts)`;
}

function plainShape(error: unknown, isMixture: boolean): ErrorShape {
  const { code, message, details } = asFlashrowError(error);
  const inMixture = isMixture && error instanceof BridgeError;
  return { code, ...(inMixture ? inExperts(message, details) : { message, details }) };
}

function inExperts(message: string, details: ErrorShape['details']): Pick<ErrorShape, 'message' | 'details'> {
  const { bundle } = details;
  if (bundle === undefined) return { message, details };
  // The path, which comes first, may hold the same words.
  const at = message.lastIndexOf(`bundle ${bundle}`);
  const told = at < 0 ? message : `${message.slice(0, at)}expert${message.slice(at + 'bundle'.length)}`;
  return { message: told, details: { ...details, expert: bundle } };
}

export function fromShape({ code, message, details }: ErrorShape): FlashrowError {
  if (code === 'INSUFFICIENT_MEMORY' && details.plan) return new InsufficientMemoryError(details.plan as Plan);
  return new FlashrowError(code, message, details);
}
