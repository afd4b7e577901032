import { Failure, Unsupported } from './failures.js';
import { createFilters } from './filters.js';
import { attribute, item } from './members.js';
import type { BinaryNode, CallNode, FilterName, MemberNode, Node, NodeOf, TestNode } from './nodes.js';
import { isComparison, operate, slice } from './operators.js';
import type { Scope } from './scope.js';
import { spend, spendOn } from './steps.js';
import { testNamed } from './tests.js';
import { Dict, Float, iterate, numeric, Tuple, truth, typeName, Undefined, type Value } from './values.js';

const filterNamed = createFilters(attribute);

/** The value of an expression. Throws Refusal, Failure, Unsupported or ReadAsText. */
export function evaluate(node: Node, scope: Scope): Value {
  spend(1);
  switch (node.type) {
    case 'StringLiteral':
    case 'IntegerLiteral':
      return node.value;
    case 'FloatLiteral':
      return new Float(node.value);
    case 'ArrayLiteral':
      return node.value.map((entry) => evaluate(entry, scope));
    case 'TupleLiteral':
      return Tuple.from<Value>(node.value.map((entry) => evaluate(entry, scope)));
    case 'ObjectLiteral':
      return new Dict([...node.value].map(([key, value]) => [evaluate(key, scope), evaluate(value, scope)]));
    case 'Identifier':
      return named(node.value, scope);
    case 'MemberExpression':
      return memberValue(node, scope);
    case 'CallExpression':
      return call(node, scope);
    case 'BinaryExpression':
      return binary(node, scope);
    case 'UnaryExpression':
      return unary(node, scope);
    case 'FilterExpression':
      return applyFilter(node.filter, evaluate(node.operand, scope), scope);
    case 'TestExpression':
      return test(node, scope);
    case 'Ternary':
      return evaluate(truth(evaluate(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope);
    case 'SelectExpression':
      return truth(evaluate(node.test, scope)) ? evaluate(node.lhs, scope) : new Undefined('the rest of an if');
    default:
      throw new Unsupported(`a ${node.type} within an expression`);
  }
}

function named(name: string, scope: Scope): Value {
  const value = scope.get(name);
  return value === undefined ? new Undefined(`"${name}"`) : value;
}

function memberValue(node: MemberNode, scope: Scope): Value {
  const object = evaluate(node.object, scope);
  spendOn(object);
  const { property } = node;
  if (property.type === 'SliceExpression') {
    const bound = (at: Node | undefined) => (at ? evaluate(at, scope) : null);
    return slice(object, bound(property.start), bound(property.stop), bound(property.step));
  }
  if (node.computed) return item(object, evaluate(property, scope));
  return property.type === 'Identifier' ? attribute(object, property.value) : item(object, evaluate(property, scope));
}

function call(node: CallNode, scope: Scope): Value {
  const callee = evaluate(node.callee, scope);
  if (callee instanceof Undefined) callee.fail();
  if (typeof callee !== 'function') throw new Failure(`a ${typeName(callee)} cannot be called`);
  return callee(...argumentsOf(node.args, scope));
}

/** Arguments by place and by name, with those that `*` and `**` unpack. */
export function argumentsOf(nodes: readonly Node[], scope: Scope): [Value[], Map<string, Value>] {
  const args: Value[] = [];
  const named = new Map<string, Value>();
  const name = (key: string, value: Value) => {
    if (named.has(key)) throw new Failure(`the argument ${key} is there twice`);
    named.set(key, value);
  };
  for (const node of nodes) {
    if (node.type === 'KeywordArgumentExpression') name(node.key.value, evaluate(node.value, scope));
    else if (node.type === 'SpreadExpression') args.push(...iterate(evaluate(node.argument, scope)));
    else if (node.type === 'KeywordSpreadExpression') {
      const all = evaluate(node.argument, scope);
      if (!(all instanceof Dict)) throw new Failure(`** takes a dict, not ${typeName(all)}`);
      for (const [key, value] of all.entries()) name(String(key), value);
    } else args.push(evaluate(node, scope));
  }
  return [args, named];
}

export function applyFilter(name: FilterName, value: Value, scope: Scope): Value {
  spendOn(value);
  if (name.type === 'Identifier') return filterNamed(name.value)(value, [], new Map());
  if (name.callee.type !== 'Identifier') throw new Unsupported('a filter that is computed');
  return filterNamed(name.callee.value)(value, ...argumentsOf(name.args, scope));
}

function binary(node: BinaryNode, scope: Scope): Value {
  const operator = node.operator.value;
  const left = evaluate(node.left, scope);
  spendOn(left);
  if (operator === 'and') return truth(left) ? evaluate(node.right, scope) : left;
  if (operator === 'or') return truth(left) ? left : evaluate(node.right, scope);
  if (isComparison(operator)) checkChain(node);
  const right = evaluate(node.right, scope);
  spendOn(right);
  return operate(operator, left, right);
}

/** The parser forgets parentheses, so that `1 < x < 3`, a chain in Jinja, looks like `(1 < x) < 3`. */
function checkChain({ operator, left, right }: BinaryNode): void {
  if (left.type !== 'BinaryExpression' || !isComparison(left.operator.value)) return;
  const compared = right.type === 'BinaryExpression' && isComparison(right.operator.value);
  const ofTruth = right.type === 'Identifier' && /^(true|false)$/i.test(right.value);
  if (!compared && !(ofTruth && /^[=!]=$/.test(operator.value))) throw new Unsupported('comparisons in a chain');
}

function unary(node: NodeOf<'UnaryExpression'>, scope: Scope): Value {
  const value = evaluate(node.argument, scope);
  if (node.operator.value === 'not') return !truth(value);
  const number = numeric(value);
  if (value instanceof Undefined) value.fail();
  if (number === null) throw new Failure(`${node.operator.value} before a ${typeName(value)}`);
  const signed = node.operator.value === '-' ? -number : number;
  return value instanceof Float ? new Float(signed) : signed === 0 ? 0 : signed;
}

function test(node: TestNode, scope: Scope): Value {
  return testNamed(node.test.value)(evaluate(node.operand, scope)) !== node.negate;
}
