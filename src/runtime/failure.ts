import { basename, dirname } from 'node:path';
import { BridgeError } from '../../native-bridge/bridge.js';
import { FlashrowError } from '../errors.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import type { Plan } from '../plan/plan.js';
import { cacheDirectory } from '../store/cache-dir.js';
import { CONVERTED_FILES } from '../store/manifest.js';
import type { ErrorShape } from './api.js';

const BRIDGE_CODES = { CORRUPT: 'CORRUPT', IO: 'IO', MEMORY: 'INSUFFICIENT_MEMORY', USAGE: 'BAD_USAGE' } as const;

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
  if (error instanceof FlashrowError) return { code: error.code, message: error.message, details: error.details };
  if (error instanceof BridgeError) {
    const { code, message, details } = error;
    return { code: BRIDGE_CODES[code], ...(isMixture ? inExperts(message, details) : { message, details }) };
  }
  return { code: 'IO', message: error instanceof Error ? error.message : String(error), details: {} };
}

function inExperts(message: string, details: BridgeError['details']): Pick<ErrorShape, 'message' | 'details'> {
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
