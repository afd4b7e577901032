import { badValue, parseJson } from './option-values.js';

export type TemplateVariables = Record<string, unknown>;

/**
 * `name=value` of `--template-var`, added to the earlier ones. A value that is JSON counts as such (`false`, `3`,
 * `["a"]`), any other as a text; `"false"`, in quotes, is a text too.
 */
export function templateVariable(text: string, earlier: TemplateVariables = {}): TemplateVariables {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw badValue('--template-var', text, 'name=value, like enable_thinking=false');
  const parsed = parseJson(value);
  return { ...earlier, [name]: parsed === undefined ? value : parsed };
}
