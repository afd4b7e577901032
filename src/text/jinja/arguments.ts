import { Failure } from './failures.js';
import type { Value } from './values.js';

/**
 * Arguments in the order of `defaults`, whose values stand where an argument was not given. A default of undefined
 * must be given. Throws Failure where an argument is missing, unknown, or there twice.
 */
export function bind(
  name: string,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
  defaults: Readonly<Record<string, Value | undefined>>,
): Value[] {
  const names = Object.keys(defaults);
  if (args.length > names.length) throw new Failure(`${name}() takes at most ${names.length} arguments`);
  for (const key of named.keys()) {
    const at = names.indexOf(key);
    if (at < 0) throw new Failure(`${name}() takes no argument ${key}`);
    if (at < args.length) throw new Failure(`${name}() got ${key} twice`);
  }
  return names.map((key, at) => {
    const value = at < args.length ? args[at] : named.has(key) ? named.get(key) : defaults[key];
    if (value === undefined) throw new Failure(`${name}() needs ${key}`);
    return value;
  });
}
