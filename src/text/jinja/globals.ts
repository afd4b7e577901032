import { bind } from './arguments.js';
import { Failure, Refusal, Unsupported } from './failures.js';
import { plain } from './marks.js';
import { Scope } from './scope.js';
import { spend } from './steps.js';
import { strftime } from './strftime.js';
import { textOf, wholeOf } from './strings.js';
import { Dict, iterate, Namespace, str, type Value } from './values.js';

/** As Jinja's sandbox has it. */
const LONGEST_RANGE = 100_000;

/** What every chat template can call: Jinja's own functions, and those that transformers adds. */
export function globals(now: () => Date): Scope {
  const scope = new Scope(null);
  for (const [name, value] of [
    ['true', true],
    ['True', true],
    ['false', false],
    ['False', false],
    ['none', null],
    ['None', null],
  ] as const)
    scope.set(name, value);
  scope.set('range', range);
  scope.set('dict', dict);
  scope.set('namespace', (args, named) => {
    const made = new Namespace();
    for (const [key, value] of dict(args, named).entries()) made.fields.set(plain(textOf(key)), value);
    return made;
  });
  scope.set('raise_exception', (args, named) => {
    throw new Refusal(plain(str(bind('raise_exception', args, named, { message: undefined })[0])));
  });
  scope.set('strftime_now', (args, named) =>
    strftime(plain(textOf(bind('strftime_now', args, named, { format: undefined })[0])), now()),
  );
  for (const name of ['cycler', 'joiner', 'lipsum'])
    scope.set(name, () => {
      throw new Unsupported(`the function ${name}()`);
    });
  return scope;
}

function range(args: readonly Value[]): Value {
  const [a, b, by = 1] = args.map(wholeOf);
  if (a === undefined || args.length > 3) throw new Failure('range() takes 1 to 3 numbers');
  const [from, to] = b === undefined ? [0, a] : [a, b];
  if (by === 0) throw new Failure('range() with the step 0');
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (length > LONGEST_RANGE) throw new Failure(`a range of more than ${LONGEST_RANGE} numbers`);
  spend(length / 8);
  return Array.from({ length }, (_, at) => from + at * by);
}

function dict(args: readonly Value[], named: ReadonlyMap<string, Value>): Dict {
  if (args.length > 1) throw new Failure('dict() takes one value by place');
  const [from] = args;
  const entries =
    from === undefined ? [] : from instanceof Dict ? from.entries() : iterate(from).map((pair) => pairOf(pair));
  return new Dict([...entries, ...named]);
}

function pairOf(pair: Value): [Value, Value] {
  const both = iterate(pair);
  if (both.length !== 2) throw new Failure('dict() takes pairs of a key and a value');
  return [both[0], both[1]];
}
