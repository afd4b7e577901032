import type { Schema, SchemaObject, TypeName } from './schema-values.js';
import { isOfType, ownPart, same, typesOf } from './schema-values.js';

/** Whether it is certain that no value is valid for both schemas. `resolve` follows references. */
export function areDisjoint(a: Schema, b: Schema, resolve: (schema: Schema) => SchemaObject | false): boolean {
  const [left, right] = [resolve(a), resolve(b)];
  if (left === false || right === false) return true;
  const [leftValues, rightValues] = [valuesOf(left), valuesOf(right)];
  if (leftValues && rightValues) return !leftValues.some((value) => rightValues.some((other) => same(value, other)));
  const [leftTypes, rightTypes] = [left.type && typesOf(left), right.type && typesOf(right)];
  if (leftTypes && rightValues) return !rightValues.some((value) => leftTypes.some((type) => isOfType(value, type)));
  if (rightTypes && leftValues) return !leftValues.some((value) => rightTypes.some((type) => isOfType(value, type)));
  if (!leftTypes || !rightTypes) return false;
  if (!leftTypes.some((type) => rightTypes.some((other) => overlap(type, other)))) return true;
  return (
    isOnly(leftTypes, 'object') &&
    isOnly(rightTypes, 'object') &&
    (left.required ?? []).some((name) => {
      const [of, other] = [ownPart(left.properties ?? {}, name), ownPart(right.properties ?? {}, name)];
      return (
        right.required?.includes(name) && of !== undefined && other !== undefined && areDisjoint(of, other, resolve)
      );
    })
  );
}

const valuesOf = ({ enum: values, ...schema }: SchemaObject): unknown[] | undefined =>
  'const' in schema ? [schema.const] : values;

const overlap = (a: TypeName, b: TypeName) =>
  a === b || (a === 'integer' && b === 'number') || (a === 'number' && b === 'integer');

const isOnly = (types: readonly TypeName[], type: TypeName) => types.every((one) => one === type);
