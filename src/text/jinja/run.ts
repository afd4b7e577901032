import { applyFilter, argumentsOf, evaluate } from './evaluate.js';
import { Failure, Unsupported } from './failures.js';
import type { CallNode, MacroNode, Node, NodeOf } from './nodes.js';
import { Scope } from './scope.js';
import { spend, spendOn } from './steps.js';
import { type Callable, Dict, iterate, Namespace, str, Tuple, truth, Undefined, type Value } from './values.js';

/** What leaves a loop's body early. */
class LoopJump extends Error {
  readonly kind: 'Break' | 'Continue';
  /** The body's text so far. */
  text = '';

  constructor(kind: 'Break' | 'Continue') {
    super(`${kind.toLowerCase()} outside of a loop`);
    this.kind = kind;
  }
}

/** The text of a list of statements. Throws Refusal, Failure, Unsupported or ReadAsText. */
export function run(nodes: readonly Node[], scope: Scope): string {
  let text = '';
  for (const node of nodes) {
    try {
      text += statement(node, scope);
    } catch (error) {
      if (error instanceof LoopJump) error.text = text + error.text;
      throw error;
    }
  }
  spendOn(text);
  return text;
}

function statement(node: Node, scope: Scope): string {
  spend(1);
  switch (node.type) {
    case 'Comment':
      return '';
    case 'If':
      return run(truth(evaluate(node.test, scope)) ? node.body : node.alternate, scope);
    case 'For':
      return loop(node, scope);
    case 'Set':
      assign(node.assignee, node.value ? evaluate(node.value, scope) : run(node.body, new Scope(scope)), scope);
      return '';
    case 'Macro':
      scope.set(node.name.value, macro(node.name.value, node, scope));
      return '';
    case 'CallStatement':
      return callBlock(node, scope);
    case 'FilterStatement':
      return str(applyFilter(node.filter, run(node.body, new Scope(scope)), scope));
    case 'Break':
    case 'Continue':
      throw new LoopJump(node.type);
    default:
      return str(evaluate(node, scope));
  }
}

/** Sets a name, several at once, or a field of a namespace. */
function assign(target: Node, value: Value, scope: Scope): void {
  if (target.type === 'Identifier') scope.set(target.value, value);
  else if (target.type === 'TupleLiteral') {
    const values = iterate(value);
    if (values.length !== target.value.length)
      throw new Failure(`${values.length} values for ${target.value.length} names`);
    for (const [at, each] of target.value.entries()) assign(each, values[at], scope);
  } else if (target.type === 'MemberExpression' && !target.computed && target.property.type === 'Identifier') {
    const object = evaluate(target.object, scope);
    if (!(object instanceof Namespace)) throw new Failure('a field is set of what is no namespace');
    object.fields.set(target.property.value, value);
  } else throw new Unsupported('a "set" of this form');
}

function loop(node: NodeOf<'For'>, scope: Scope): string {
  const chosen = node.iterable.type === 'SelectExpression' ? node.iterable : null;
  const all = iterate(evaluate(chosen ? chosen.lhs : node.iterable, scope));
  const entries = chosen
    ? all.filter((entry) => {
        const own = new Scope(scope);
        assign(node.loopvar, entry, own);
        return truth(evaluate(chosen.test, own));
      })
    : all;
  if (entries.length === 0) return run(node.defaultBlock, new Scope(scope));
  let text = '';
  for (let at = 0; at < entries.length; at++) {
    // What is set in one round is not seen in the next.
    const own = new Scope(scope);
    spend(1);
    own.set('loop', loopValue(entries, at));
    assign(node.loopvar, entries[at], own);
    try {
      text += run(node.body, own);
    } catch (error) {
      if (!(error instanceof LoopJump)) throw error;
      text += error.text;
      if (error.kind === 'Break') break;
    }
  }
  return text;
}

function loopValue(entries: readonly Value[], at: number): Value {
  const { length } = entries;
  return new Dict([
    ['index', at + 1],
    ['index0', at],
    ['revindex', length - at],
    ['revindex0', length - at - 1],
    ['first', at === 0],
    ['last', at === length - 1],
    ['length', length],
    ['previtem', at > 0 ? entries[at - 1] : new Undefined('the entry before the first')],
    ['nextitem', at + 1 < length ? entries[at + 1] : new Undefined('the entry after the last')],
    ['cycle', (args) => args[at % args.length]],
    ['changed', unsupported('loop.changed')],
    ['depth', 1],
  ] as [Value, Value][]);
}

const unsupported =
  (what: string): Callable =>
  () => {
    throw new Unsupported(what);
  };

/** A macro, or the body of a call block. Names within are those of the place where it stands. */
function macro(name: string, node: Pick<MacroNode, 'args' | 'body'>, around: Scope, caller?: Callable): Callable {
  const parameters = node.args.map((each) =>
    each.type === 'KeywordArgumentExpression'
      ? { name: each.key.value, initial: each.value }
      : { name: (each as NodeOf<'Identifier'>).value, initial: null },
  );
  return (args, given) => {
    const named = new Map(given);
    const own = new Scope(around);
    const calls = caller ?? named.get('caller');
    named.delete('caller');
    if (calls !== undefined) own.set('caller', calls);
    for (const [at, { name: parameter, initial }] of parameters.entries()) {
      const value = at < args.length ? args[at] : named.get(parameter);
      if (at < args.length && named.has(parameter)) throw new Failure(`${name}() got ${parameter} twice`);
      named.delete(parameter);
      own.set(
        parameter,
        value !== undefined ? value : initial ? evaluate(initial, own) : new Undefined(`"${parameter}"`),
      );
    }
    if (args.length > parameters.length || named.size > 0) {
      if (!readsRest(node.body)) throw new Failure(`${name}() got more arguments than it takes`);
    }
    own.set('varargs', Tuple.from<Value>(args.slice(parameters.length)));
    own.set('kwargs', new Dict(named));
    return run(node.body, own);
  };
}

const readsRest = (body: readonly Node[]): boolean => /"(varargs|kwargs)"/.test(JSON.stringify(body));

function callBlock(node: NodeOf<'CallStatement'>, scope: Scope): string {
  const caller = macro('caller', { args: node.callerArgs ?? [], body: node.body }, scope);
  const [args, named] = argumentsOf((node.call as CallNode).args, scope);
  const callee = evaluate(node.call.callee, scope);
  if (callee instanceof Undefined) callee.fail();
  if (typeof callee !== 'function') throw new Failure('a call block calls what is no macro');
  return str(callee(args, new Map([...named, ['caller', caller]])));
}
