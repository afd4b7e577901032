import { fileURLToPath } from 'node:url';

/** The repository's root, seen from dist/bench. */
export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
