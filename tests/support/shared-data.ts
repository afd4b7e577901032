import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Models, texts and vocabularies that tests compare with; too large or not ours to ship. */
const ROOT = resolve(process.env.FLASHROW_TEST_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url)));

export const haveSharedData = existsSync(ROOT);
export const withoutSharedData = haveSharedData ? '' : ` (skipped: no test data at ${ROOT}; set FLASHROW_TEST_DATA)`;
export const sharedPath = (path: string): string => resolve(ROOT, path);
export const sharedJson = (path: string) => JSON.parse(readFileSync(sharedPath(path), 'utf8'));
