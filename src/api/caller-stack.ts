import { FlashrowError } from '../errors.js';

/** The place in the app that made a call, as a stack has it. */
export interface CallSite {
  stack?: string;
}

/** Frames of the library's own that a call goes through at most. The app's come after them. */
const OWN_FRAMES = 10;

/** Where the running call of `callee` was made. */
export function callSite(callee: (...args: never[]) => unknown): CallSite {
  const site: CallSite = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = limit + OWN_FRAMES;
  Error.captureStackTrace(site, callee);
  Error.stackTraceLimit = limit;
  return site;
}

/** `error` with the stack of the call that it answers: its own, made when a message came back, leads nowhere. */
export function atCallSite(error: unknown, { stack = '' }: CallSite): unknown {
  if (!(error instanceof FlashrowError)) return error;
  error.stack = `${error.name}: ${error.message}${stack.slice(stack.indexOf('\n'))}`;
  return error;
}
