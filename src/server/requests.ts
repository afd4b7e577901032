import { z } from 'zod';
import type { ResponseFormat } from '../index.js';
import { ServerError } from './failures.js';
import { takenInstead, tellIssue } from './issue-words.js';

/** Reads a body by a schema. What is wrong is told with the place where it is, as `param`. */
export async function readBody<T extends z.ZodType>(request: Request, schema: T): Promise<z.infer<T>> {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw new ServerError(415, `the body is encoded by ${encoding}; send it as it is`, {
      code: 'unsupported_encoding',
    });
  const bytes = await request.arrayBuffer();
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ServerError(400, 'the body is no UTF-8', { code: 'invalid_json' });
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ServerError(400, 'the body is no JSON', { code: 'invalid_json' });
  }
  const read = schema.safeParse(body, { error: takenInstead });
  if (read.success) return read.data;
  const { param, message } = tellIssue(read.error.issues[0], body);
  throw new ServerError(400, message, { param, code: 'invalid_value' });
}

/** What is not there yet is refused by its name, and never left out of the answer without a word. */
export function refuse(param: string, why: string): never {
  throw new ServerError(400, `${param} ${why}`, { param, code: 'unsupported_value' });
}

/** Throws 400 for a call that is asked for where there are no tools. */
export function requireTools(tools: readonly unknown[] | null | undefined, isAsked: boolean): void {
  if (isAsked && !tools?.length) refuse('tool_choice', 'asks for a call, and there are no tools');
}

/** Throws 400 for a choice among some of the tools. */
export function refuseSomeTools(choice: unknown): void {
  if ((choice as { type?: unknown } | null | undefined)?.type === 'allowed_tools')
    refuse('tool_choice', 'of the type "allowed_tools" is not taken: send only those tools');
}

const maybe = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value): z.infer<T> | undefined => value ?? undefined);

/** By id, or as llama.cpp's servers take it: pairs, with false for a token that is ruled out. */
const LOGIT_BIAS = z.union([
  z.record(z.string().regex(/^\d+$/, 'ids of tokens as names'), z.number()),
  z.array(z.tuple([z.int().min(0), z.union([z.number(), z.literal(false)])])),
]);

const TYPES = '"text", "json_object" or "json_schema"';
/** What a format is, in words, where zod finds another thing or another type of it. */
export const takenFormat = ({ code }: { code: string }): string =>
  code === 'invalid_type' ? `an object whose type is ${TYPES}` : TYPES;

/** A schema may be true or false, too. */
export const SCHEMA = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

/** llama.cpp's servers take the schema of `json_object`, too. */
const RESPONSE_FORMAT = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object'), schema: maybe(SCHEMA) }),
    z.looseObject({
      type: z.literal('json_schema'),
      json_schema: z.looseObject({ schema: SCHEMA }),
    }),
  ],
  { error: takenFormat },
);

/** Options of drawing, as OpenAI's and llama.cpp's APIs write them. Fields that are not known are ignored. */
const SAMPLING = {
  temperature: maybe(z.number().min(0).max(100)),
  top_p: maybe(z.number().gt(0).max(1)),
  top_k: maybe(z.int().min(-1)),
  min_p: maybe(z.number().min(0).max(1)),
  repeat_penalty: maybe(z.number().gt(0)),
  seed: maybe(z.int()),
  stop: maybe(z.union([z.string(), z.array(z.string())])),
  max_tokens: maybe(z.int().min(-1)),
  max_completion_tokens: maybe(z.int().min(-1)),
  stream: maybe(z.boolean()),
  stream_options: maybe(z.looseObject({ include_usage: maybe(z.boolean()) })),
  n: maybe(z.int().min(1).max(128)),
  ignore_eos: maybe(z.boolean()),
  frequency_penalty: maybe(z.number()),
  presence_penalty: maybe(z.number()),
  repeat_last_n: maybe(z.int().min(-1)),
  typical_p: maybe(z.number().gt(0).max(1)),
  xtc_probability: maybe(z.number().min(0).max(1)),
  xtc_threshold: maybe(z.number().min(0).max(1)),
  dry_multiplier: maybe(z.number().min(0)),
  dry_base: maybe(z.number().min(1)),
  dry_allowed_length: maybe(z.int().min(1)),
  dry_penalty_last_n: maybe(z.int().min(-1)),
  logit_bias: maybe(LOGIT_BIAS),
  response_format: maybe(RESPONSE_FORMAT),
};

const PART = z.looseObject({ type: z.string() });

/** A message. Its fields reach the chat template. */
const MESSAGE = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(PART), z.null()]).optional(),
});

export const TOOL = z.looseObject({
  type: z.string(),
  function: z
    .looseObject({
      name: z.string(),
      description: maybe(z.string()),
      parameters: maybe(z.record(z.string(), z.unknown())),
    })
    .optional(),
});

export const CHAT_REQUEST = z.looseObject({
  model: maybe(z.string()),
  messages: z.array(MESSAGE).min(1),
  ...SAMPLING,
  logprobs: maybe(z.boolean()),
  top_logprobs: maybe(z.int().min(0).max(100)),
  tools: maybe(z.array(TOOL)),
  tool_choice: maybe(
    z.union([
      z.enum(['none', 'auto', 'required']),
      z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
      z.looseObject({ type: z.literal('allowed_tools') }),
    ]),
  ),
  parallel_tool_calls: maybe(z.boolean()),
  reasoning_effort: maybe(z.string()),
  thinking_budget_tokens: maybe(z.int().min(-1)),
  reasoning_budget_tokens: maybe(z.int().min(-1)),
  chat_template_kwargs: maybe(z.record(z.string(), z.unknown())),
});
export type ChatRequest = z.infer<typeof CHAT_REQUEST>;

export const COMPLETION_REQUEST = z.looseObject({
  model: maybe(z.string()),
  prompt: z.union([z.string(), z.array(z.int()), z.array(z.string()), z.array(z.array(z.int()))]),
  ...SAMPLING,
  logprobs: maybe(z.int().min(0).max(100)),
  echo: maybe(z.boolean()),
  best_of: maybe(z.int()),
});
export type CompletionRequest = z.infer<typeof COMPLETION_REQUEST>;

type Sampling = { [Name in keyof typeof SAMPLING]: z.infer<(typeof SAMPLING)[Name]> };

/** The options of a generation that a request asks for. */
export function generateOptions(request: Sampling) {
  const { temperature, top_p: topP, top_k, min_p: minP, repeat_penalty: repeatPenalty, seed } = request;
  const stop = [request.stop ?? []].flat().filter((text) => text !== '');
  return {
    ...{ temperature, topP, minP, repeatPenalty, seed, ...penaltiesOf(request) },
    topK: top_k === undefined ? undefined : Math.max(0, top_k),
    stop: stop.length > 0 ? stop : undefined,
    maxTokens: tokensAtMost(request.max_completion_tokens ?? request.max_tokens),
    responseFormat: responseFormatOf(request),
    ignoreEos: request.ignore_eos,
  };
}

function responseFormatOf({ response_format: format }: Sampling): ResponseFormat | undefined {
  if (format?.type === 'json_schema') return { type: 'json_schema', schema: format.json_schema.schema };
  if (format?.type === 'json_object' && format.schema !== undefined)
    return { type: 'json_schema', schema: format.schema };
  return format && { type: format.type };
}

function penaltiesOf(request: Sampling) {
  const { logit_bias: biases } = request;
  const pairs = Array.isArray(biases)
    ? biases.map(([id, bias]) => [id, bias === false ? Number.NEGATIVE_INFINITY : bias] as const)
    : Object.entries(biases ?? {});
  return {
    ...{ frequencyPenalty: request.frequency_penalty, presencePenalty: request.presence_penalty },
    ...{ penaltyWindow: windowOf(request.repeat_last_n), typicalP: request.typical_p },
    ...{ xtcProbability: request.xtc_probability, xtcThreshold: request.xtc_threshold },
    ...{ dryMultiplier: request.dry_multiplier, dryBase: request.dry_base },
    ...{ dryAllowedLength: request.dry_allowed_length, dryWindow: windowOf(request.dry_penalty_last_n) },
    logitBias: pairs.length > 0 ? (Object.fromEntries(pairs) as Record<number, number>) : undefined,
  };
}

/** llama.cpp writes -1 for all tokens. */
const windowOf = (tokens: number | undefined): number | undefined =>
  tokens === -1 ? Number.POSITIVE_INFINITY : tokens;

/** Each choice has a seed of its own, so that they differ. After the greatest comes 0. */
export function seedOf(seed: number | undefined, choice: number): number | undefined {
  if (seed === undefined) return undefined;
  const left = Number.MAX_SAFE_INTEGER - seed;
  return choice > left ? choice - left - 1 : seed + choice;
}

/** The same of reasoning, where -1 takes away the limit that the server has for requests that name none. */
export const reasoningAtMost = (given: number | undefined): number | undefined =>
  given !== undefined && given < 0 ? Number.POSITIVE_INFINITY : given;

/** llama.cpp writes -1 for no limit. */
export const tokensAtMost = (given: number | undefined): number | undefined =>
  given === undefined || given < 0 ? undefined : given;
