import type { EngineResult } from '../../contract/protocol.js';
import { FlashrowError, shown } from '../../errors.js';
import type { AnswerForm } from '../../text/dialects/dialects.js';
import type { Tool } from '../../text/tools.js';
import { expect, isPlainObject } from './check-arguments.js';

/**
 * Throws BAD_USAGE for what is no list of tools with names of their own, UNSUPPORTED for tools that are no functions.
 */
export function checkTools(given: readonly Tool[]): void {
  const tools: unknown = given;
  expect(Array.isArray(tools), 'tools', tools, 'a list of { type: "function", function: { name, ... } }');
  for (const [at, tool] of given.entries()) checkTool(tool, `tools[${at}]`, given.slice(0, at));
}

function checkTool(given: Tool, option: string, others: readonly Tool[]): void {
  const tool: unknown = given;
  expect(isPlainObject(tool), option, tool, 'an object { type: "function", function: { name, ... } }');
  const type: unknown = given.type;
  if (typeof type === 'string' && type !== 'function')
    throw new FlashrowError('UNSUPPORTED', `${option} is of the type "${type}"; tools are of the type "function"`, {
      option: 'tools',
      type,
    });
  expect(type === 'function', `${option}.type`, type, '"function"');
  const fields: unknown = given.function;
  expect(isPlainObject(fields), `${option}.function`, fields, 'an object with a name');
  const { name, parameters } = given.function;
  const named = typeof name === 'string' && /^[\w.-]{1,128}$/.test(name);
  expect(named, `${option}.function.name`, name, 'letters, digits, "_", "-" and "."');
  const taken = others.some((other) => other.function.name === name);
  expect(!taken, `${option}.function.name`, name, 'a name that no other tool has');
  const isSchema = parameters === undefined || isPlainObject(parameters);
  expect(isSchema, `${option}.function.parameters`, parameters, 'a JSON schema of an object');
  const ofType: unknown = parameters?.type;
  const isOfObjects = ofType === undefined || [ofType].flat().includes('object');
  expect(isOfObjects, `${option}.function.parameters.type`, ofType, '"object", as the arguments of a call are one');
}

/** Throws BAD_USAGE for a choice that is none, or names no tool. */
export function checkToolChoice(choice: unknown, tools: readonly Tool[]): void {
  if (choice === 'auto' || choice === 'none') return;
  const names = tools.map((tool) => tool.function.name);
  const there = names.length === 0 ? '`tools` has none' : `\`tools\` has ${shown(names)}`;
  if (choice === 'required') {
    if (names.length === 0) refuseChoice(`\`toolChoice\` is "required", but ${there}`);
    return;
  }
  if (!isPlainObject(choice))
    refuseChoice(`\`toolChoice\` is "auto", "none", "required" or { name }, not ${shown(choice)}`);
  const { name } = choice as { name?: unknown };
  if (typeof name !== 'string') refuseChoice(`\`toolChoice.name\` is the name of a tool, not ${shown(name)}; ${there}`);
  if (!names.includes(name)) refuseChoice(`\`toolChoice\` asks for the tool ${shown(name)}; ${there}`);
}

function refuseChoice(message: string): never {
  throw new FlashrowError('BAD_USAGE', message, { option: 'toolChoice' });
}

/** A sentence where the answer had to be a call and is none. */
export function uncalledTools(form: AnswerForm | null, { toolCalls, finishReason }: EngineResult): string[] {
  const must = form !== null && (form.begun !== '' || form.held?.must === true);
  if (!must || toolCalls.length > 0 || finishReason === 'abort') return [];
  return ['`toolChoice` asked for a call of a tool, and what the model wrote can be read as none: it is in `text`'];
}
