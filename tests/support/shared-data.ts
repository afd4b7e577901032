import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Models, texts and vocabularies that tests compare with; too large, or not ours to ship. */
const ROOT = resolve(REPOSITORY, process.env.FLASHROW_TEST_DATA ?? '../shared/data');

export const haveSharedData = existsSync(ROOT);
/** The end of a test's name: why it is skipped, or nothing. */
export const withoutSharedData = haveSharedData ? '' : ` (skipped: no test data at ${ROOT}; set FLASHROW_TEST_DATA)`;
export const sharedPath = (path: string): string => resolve(ROOT, path);
export const sharedJson = (path: string) => JSON.parse(readFileSync(sharedPath(path), 'utf8'));
