/** Tests against llama.cpp run by their own script. */
export const isPeerRun = process.env.FLASHROW_TESTS === 'peer';
export const unlessPeerRun = isPeerRun ? '' : ' (skipped: needs llama.cpp; FLASHROW_PEER=<folder> npm run test:peer)';
