/**
 * Work that must come to rest before the process ends. A library that is stopped in the middle of a call would abort
 * the process.
 */
const running = new Set<() => void>();

process.on('exit', () => {
  for (const rest of running) rest();
});

/** Has `rest` called, synchronously, when the process ends; returns how to take that back. */
export function restAtExit(rest: () => void): () => void {
  running.add(rest);
  return () => running.delete(rest);
}
