const arrays = new Map<string, unknown>();

/**
 * A working array that all generations of a thread share, by its name and size: each is done with it before the next
 * one begins, as a draw awaits nothing. However many run at once, their draws take the memory of one.
 */
export function sharedArray<T>(name: string, size: number, make: (size: number) => T): T {
  const key = `${name} ${size}`;
  const known = arrays.get(key);
  if (known !== undefined) return known as T;
  const made = make(size);
  arrays.set(key, made);
  return made;
}
