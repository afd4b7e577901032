import { bind } from './arguments.js';
import { Failure, ReadAsText, Unsupported } from './failures.js';
import { characters, plain } from './marks.js';
import { isTextMethod, textMethod } from './strings.js';
import { Dict, equal, Namespace, numeric, Parts, Tuple, typeName, Undefined, type Value } from './values.js';

const MUTATORS = new Set('append extend insert pop remove clear reverse sort update setdefault popitem'.split(' '));

/** `object.name`: what Python's object has under the name, else its entry. */
export function attribute(object: Value, name: Value): Value {
  if (object instanceof Undefined) object.fail();
  const key = typeof name === 'string' ? plain(name) : name;
  if (typeof key === 'string') {
    if (key.startsWith('_')) throw new Unsupported(`the name ${key}, which begins with an underscore`);
    const own = member(object, key);
    if (own !== undefined) return own;
  }
  return orUndefined(entry(object, name), object, key);
}

/** `object[key]`: its entry, else what Python's object has under the name. */
export function item(object: Value, key: Value): Value {
  if (object instanceof Undefined) object.fail();
  const found = entry(object, key);
  if (found !== undefined || typeof key !== 'string') return orUndefined(found, object, key);
  return orUndefined(member(object, plain(key)), object, plain(key));
}

const orUndefined = (found: Value | undefined, object: Value, key: Value): Value =>
  found === undefined ? new Undefined(`"${key}" of a ${typeName(object)}`) : found;

function entry(object: Value, key: Value): Value | undefined {
  if (object instanceof Dict) return object.get(key);
  const at = typeof key === 'number' || typeof key === 'boolean' ? Number(key) : null;
  if (at === null) return undefined;
  if (object instanceof Parts) object.visited = true;
  if (typeof object === 'string') return characters(object).at(at);
  return Array.isArray(object) ? object.at(at) : undefined;
}

function member(object: Value, name: string): Value | undefined {
  if (typeof object === 'string') return textMethod(object, name);
  if (object instanceof Namespace) return object.fields.get(name);
  if (object instanceof Parts && isTextMethod(name)) throw new ReadAsText(object);
  if (Array.isArray(object)) return listMember(object, name);
  if (object instanceof Dict) return dictMember(object, name);
  if (numeric(object) !== null && /^(real|imag|numerator|denominator|bit_length|is_integer)$/.test(name))
    throw new Unsupported(`${name} of a number`);
  return undefined;
}

function listMember(object: Value[], name: string): Value | undefined {
  switch (name) {
    case 'copy':
      return () => [...object];
    case 'count':
      return ([wanted]) => object.filter((each) => equal(each, wanted)).length;
    case 'index':
      return ([wanted]) => {
        const at = object.findIndex((each) => equal(each, wanted));
        if (at < 0) throw new Failure('the entry is not in the list');
        return at;
      };
    default:
      if (MUTATORS.has(name) && !(object instanceof Tuple)) throw new Unsupported(`${name}(), which changes a list,`);
      return undefined;
  }
}

function dictMember(object: Dict, name: string): Value | undefined {
  switch (name) {
    case 'get':
      return (args, named) => {
        const [key, otherwise] = bind('get', args, named, { key: undefined, default: null });
        const found = object.get(key);
        return found === undefined ? otherwise : found;
      };
    case 'items':
      return () => object.entries().map((pair) => Tuple.from<Value>(pair));
    case 'keys':
      return () => object.keys();
    case 'values':
      return () => object.values();
    case 'copy':
      return () => new Dict(object.entries());
    default:
      if (MUTATORS.has(name)) throw new Unsupported(`${name}(), which changes a dict,`);
      return undefined;
  }
}
