/** Is called between steps of long work, and ends it by throwing. */
export type CheckAborted = () => void;

/** For work that nobody can abort. */
export const NEVER_ABORTED: CheckAborted = () => {};
