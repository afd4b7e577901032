import { createHash } from 'node:crypto';
import { openApi } from './openapi.js';

/** What is read of a JSON Schema. */
interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

interface Operation {
  summary: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}

interface Description {
  info: { title: string; description: string };
  paths: Record<string, Record<string, Operation>>;
}

const STYLE = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:56rem;margin:0 auto;padding:1rem}
section{border-top:1px solid #8886;padding:.5rem 0}
h2{font-size:1.05rem;margin:.5rem 0}
h2 b{display:inline-block;min-width:3.5rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.1rem 1rem .1rem 0;font-weight:normal;overflow-wrap:anywhere}
td{opacity:.8}`;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** The description of the server for the eye: one page, without scripts. */
export function openApiPage(hasKey: boolean): Response {
  return new Response(pageOf(openApi(hasKey) as Description, hasKey), { headers: HEADERS });
}

function pageOf({ info, paths }: Description, hasKey: boolean): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => sectionOf(path, method, operation)),
  );
  const key = hasKey
    ? '<p>Requests bring the key as <code>authorization: Bearer KEY</code> or <code>x-api-key: KEY</code>.</p>'
    : '';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(info.title)}: endpoints</title><style>${STYLE}</style></head><body>
<h1>${escaped(info.title)}</h1><p>${escaped(info.description)} For programs: <a href="/openapi.json">openapi.json</a>.</p>
${key}${operations.join('\n')}</body></html>`;
}

function sectionOf(path: string, method: string, { summary, parameters = [], requestBody }: Operation): string {
  const body = requestBody?.content['application/json'].schema;
  const rows = [
    ...parameters.map(({ name, in: where }) => rowOf(name, `text, in the ${where}`)),
    ...(body ? fieldsOf(body, '') : []),
  ];
  const table = rows.length > 0 ? `<table>${rows.join('')}</table>` : '';
  return `<section><h2><b>${method.toUpperCase()}</b> <code>${escaped(path)}</code></h2><p>${escaped(summary)}</p>${table}</section>`;
}

/** A row for each field, and for the fields in it. */
function fieldsOf({ properties = {}, required = [] }: Schema, before: string): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = before + name;
    const type = typeOf(schema) + (required.includes(name) ? ', required' : '');
    return [rowOf(path, type), ...branchesOf(schema).flatMap((branch) => fieldsOf(branch, `${path}.`))];
  });
}

const rowOf = (name: string, type: string): string =>
  `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${escaped(type)}</td></tr>`;

/** A schema, or those that it is one of; of a list, its items. */
const branchesOf = ({ anyOf, items, ...schema }: Schema): Schema[] =>
  anyOf ? anyOf.flatMap(branchesOf) : items ? branchesOf(items) : [schema];

const NAMES: Readonly<Record<string, string>> = { string: 'text', integer: 'whole number', boolean: 'true or false' };

function typeOf(schema: Schema): string {
  const { type, anyOf, items } = schema;
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(', or ');
  if (items) return `list of: ${typeOf(items)}`;
  const names = [type ?? 'anything'].flat().map((name) => NAMES[name] ?? name);
  return names.join(', or ') + rangeOf(schema);
}

/** Bounds that say no more than what fits a number are left out. */
function rangeOf({ minimum, exclusiveMinimum, maximum }: Schema): string {
  const bounds = [
    minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? `from ${minimum}` : '',
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? `to ${maximum}` : '',
  ].filter((text) => text !== '');
  return bounds.length > 0 ? ` ${bounds.join(' ')}` : '';
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
