/**
 * Work that must come to rest before the process ends: a library in the middle of a call would abort the process
 * instead.
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
