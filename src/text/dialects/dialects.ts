import { AnswerReader } from './answer-reader.js';
import { DEEPSEEK, DSML } from './deepseek.js';
import type { Dialect, DialectReader, HeldForm, ToolSignature } from './dialect.js';
import { GEMMA_4 } from './gemma4.js';
import { GLM } from './glm.js';
import { HarmonyReader } from './harmony.js';
import { HERMES } from './hermes.js';
import { KIMI } from './kimi.js';
import { LFM2 } from './lfm2.js';
import { LLAMA_3 } from './llama3.js';
import { MINIMAX } from './minimax.js';
import { MISTRAL } from './mistral.js';
import { QWEN_XML } from './qwen-xml.js';
import { THINKING } from './think.js';

/** How a kind of model writes reasoning and calls. `thinking` writes reasoning, and its calls are not known. */
export type DialectName =
  | 'harmony'
  | 'gemma-4'
  | 'lfm2'
  | 'minimax'
  | 'kimi'
  | 'deepseek'
  | 'qwen-xml'
  | 'glm'
  | 'mistral'
  | 'hermes'
  | 'llama-3'
  | 'thinking';

/** How an answer is written. */
export interface AnswerForm {
  dialect: DialectName;
  /** Tools that it may call; null where none may be. */
  tools: readonly ToolSignature[] | null;
  /** What the prompt wrote of the answer already. */
  begun: string;
  /** How calls are held to their tools; null without tools. */
  held: HeldAnswer | null;
  /** The kind of message that the prompt has begun in channels; default none. */
  opened?: OpenedMessage | undefined;
}

/** A message in channels that a prompt has begun: what the model writes for itself, or the answer. */
export type OpenedMessage = 'reasoning' | 'answer';

/** How the calls of an answer are held to their tools. */
export interface HeldAnswer {
  /** `channels` for Harmony's messages. */
  forms: readonly HeldForm[] | 'channels';
  /** Those that may be called. */
  tools: readonly ToolSignature[];
  /** Whether it begins with a call. */
  must: boolean;
  /** Whether it ends with its first call. */
  once: boolean;
  /** What of that call the prompt wrote already. */
  begun: string;
}

/** By what a template holds; the first that fits counts, as some hold the marks of two. */
const MARKERS: readonly (readonly [DialectName, RegExp])[] = [
  ['harmony', /<\|channel\|>/],
  ['gemma-4', /<\|tool_call>/],
  // Templates before that of LFM2.5-8B-A1B list the tools, and write no call.
  ['lfm2', /<\|tool_call_start\|>|List of tools: (?:<\|tool_list_start\|>)?\[/],
  ['minimax', /<minimax:tool_call>/],
  ['kimi', /<\|tool_calls_section_begin\|>/],
  ['deepseek', new RegExp(`${DSML}|<\uff5ctool\u2581calls\u2581begin\uff5c>`)],
  ['qwen-xml', /<function=/],
  ['glm', /<arg_key>/],
  ['mistral', /\[TOOL_CALLS\]/],
  ['hermes', /<tool_call>/],
  ['llama-3', /<\|python_tag\|>|<\|start_header_id\|>[\s\S]*"parameters": /],
  ['thinking', /<\/think>/],
];

const DIALECTS: Readonly<Record<Exclude<DialectName, 'harmony'>, Dialect>> = {
  'gemma-4': GEMMA_4,
  lfm2: LFM2,
  minimax: MINIMAX,
  kimi: KIMI,
  deepseek: DEEPSEEK,
  'qwen-xml': QWEN_XML,
  glm: GLM,
  mistral: MISTRAL,
  hermes: HERMES,
  'llama-3': LLAMA_3,
  thinking: THINKING,
};

/** The dialect that a template is written for; null where it shows none. */
export const dialectOf = (template: string): DialectName | null =>
  MARKERS.find(([, marker]) => marker.test(template))?.[0] ?? null;

/** Whether calls of tools can be read in it. */
export const readsCalls = (name: DialectName): boolean => name === 'harmony' || DIALECTS[name].calls.length > 0;

/** How calls are held to their tools, by the model's template. */
export const heldForms = (name: DialectName, template: string): HeldAnswer['forms'] =>
  name === 'harmony' ? 'channels' : DIALECTS[name].held(template);

/**
 * A reader of answers. `prompt` is the end of the prompt as text, control tokens included. `tools` are those that the
 * model may call; null where none may be.
 */
export function answerReader(name: DialectName, prompt: string, tools: readonly ToolSignature[] | null): DialectReader {
  return name === 'harmony'
    ? new HarmonyReader(prompt, tools !== null)
    : new AnswerReader(DIALECTS[name], prompt, tools);
}

/** The kind of message that the end of a prompt has begun in channels; undefined for none. */
export function openedMessage(name: DialectName, prompt: string): OpenedMessage | undefined {
  return name === 'harmony' ? new HarmonyReader(prompt, false).opened : undefined;
}

/**
 * What makes an answer a call of `tool`, or of any tool: `text` goes behind the prompt, `begun` is what of it belongs
 * to the answer. Null where the dialect has no beginning that the model keeps to. `prompt` is its end as text.
 */
export function beginOfCall(
  name: DialectName,
  tool: string | null,
  prompt: string,
): { text: string; begun: string } | null {
  if (name === 'harmony')
    return tool === null
      ? null
      : { text: `<|channel|>commentary to=functions.${tool} <|constrain|>json<|message|>`, begun: '' };
  const { begin, reasoning } = DIALECTS[name];
  const begun = begin(tool);
  if (begun === null) return null;
  const opened = reasoning.find(({ open }) => prompt.trimEnd().endsWith(open));
  return { text: `${opened ? `${opened.close}\n\n` : ''}${begun}`, begun };
}
