import { parse, tokenize } from '@huggingface/jinja';
import { Unsupported } from './failures.js';
import { globals } from './globals.js';
import { markStrangers } from './marks.js';
import type { Node, NodeOf } from './nodes.js';
import { run } from './run.js';
import { Scope } from './scope.js';
import { withSteps } from './steps.js';
import type { Value } from './values.js';

/**
 * A Jinja template as transformers compiles chat templates: read by @huggingface/jinja's parser, and run here by
 * Python's rules, which that package's own interpreter does not keep.
 */
export class JinjaTemplate {
  readonly #program: NodeOf<'Program'>;
  /** Names of variables that the template reads, and names of fields: what follows a dot, and all its texts. */
  readonly names: ReadonlySet<string>;
  readonly texts: ReadonlySet<string>;

  /** Throws Unsupported. */
  constructor(source: string) {
    const text = markStrangers(source.replace(/\r\n?/g, '\n'));
    try {
      const tokens = tokenize(text, { lstrip_blocks: true, trim_blocks: true });
      checkNumbers(tokens);
      this.#program = parse(tokens) as unknown as NodeOf<'Program'>;
    } catch (error) {
      throw new Unsupported(readable(error));
    }
    const found = { names: new Set<string>(), texts: new Set<string>() };
    collect(this.#program, found);
    this.names = found.names;
    this.texts = found.texts;
  }

  /**
   * The rendered text, with the marks of users' texts. `now` is the time that `strftime_now` tells. Throws Refusal,
   * Failure, Unsupported or ReadAsText.
   */
  render(variables: ReadonlyMap<string, Value>, now: Date = new Date()): string {
    const scope = new Scope(globals(() => now));
    for (const [name, value] of variables) scope.set(name, value);
    return withSteps(() => run(this.#program.body, scope));
  }
}

/** The parser would take the number `1e5` for a list's two entries. */
function checkNumbers(tokens: readonly { type: string; value: string }[]): void {
  const at = tokens.findIndex(
    ({ type }, index) => type === 'NumericLiteral' && /^(e\d*|_\w*)$/i.test(tokens[index + 1]?.value ?? ''),
  );
  if (at >= 0) throw new Error(`the number ${tokens[at].value}${tokens[at + 1].value}`);
}

function readable(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const statement = /^Unknown statement type: (\w+)/.exec(said)?.[1];
  if (statement) return `the statement {% ${statement} %}`;
  return `something that the parser cannot read (${said.replace(/^Parser Error: /, '')})`;
}

/** Notes what the template names, node by node. */
function collect(node: unknown, found: { names: Set<string>; texts: Set<string> }): void {
  if (Array.isArray(node)) for (const each of node) collect(each, found);
  else if (node instanceof Map) for (const pair of node) collect(pair, found);
  if (typeof node !== 'object' || node === null || !('type' in node)) return;
  const { type } = node as Node;
  if (type === 'Identifier') found.names.add((node as NodeOf<'Identifier'>).value);
  if (type === 'StringLiteral') found.texts.add((node as NodeOf<'StringLiteral'>).value);
  if (type === 'MemberExpression') {
    const { object, property, computed } = node as NodeOf<'MemberExpression'>;
    collect(object, found);
    if (computed || property.type !== 'Identifier') collect(property, found);
    else found.texts.add(property.value);
    return;
  }
  for (const child of Object.values(node)) collect(child, found);
}
