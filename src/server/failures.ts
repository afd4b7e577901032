import { FlashrowError } from '../index.js';

/** A failure as a response. */
export interface Refusal {
  status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 429 | 500 | 503;
  error: { message: string; type: string; param: string | null; code: string | null; [more: string]: unknown };
  headers?: Record<string, string>;
}

/** A failure of the server's own, which is told as it is. */
export class ServerError extends Error {
  readonly refusal: Refusal;

  constructor(
    status: Refusal['status'],
    message: string,
    { code = null, param = null, type, headers }: Partial<Refusal['error']> & Pick<Refusal, 'headers'> = {},
  ) {
    super(message);
    this.name = 'ServerError';
    this.refusal = {
      status,
      error: { message, type: type ?? (status < 500 ? 'invalid_request_error' : 'server_error'), param, code },
      ...(headers ? { headers } : {}),
    };
  }
}

/** Seconds after which a client may try again. */
const RETRY_AFTER = { 'retry-after': '2' };
/** A prompt that ran for minutes is not run again by itself. */
const NO_RETRY = { 'x-should-retry': 'false' };

/** How messages name the options of the server. */
export type Wording = (message: string) => string;

/** Any failure as a response. What is nobody's fault but the server's is told by its code alone. */
export function refusalOf(thrown: unknown, wording: Wording): Refusal {
  if (thrown instanceof ServerError) {
    const { error } = thrown.refusal;
    return { ...thrown.refusal, error: { ...error, message: wording(error.message) } };
  }
  if (!(thrown instanceof FlashrowError)) {
    const message = 'the server failed';
    return { status: 500, error: { message, type: 'server_error', param: null, code: null }, headers: NO_RETRY };
  }
  const message = wording(inRequestWords(inWordsOfRequests(thrown.message), thrown));
  const param = paramOf(thrown);
  const bad = { message, type: 'invalid_request_error', param, code: thrown.code.toLowerCase() };
  switch (thrown.code) {
    case 'CORRUPT':
      if (isOfPicture(thrown)) return { status: 400, error: { ...bad, param: 'messages' } };
      return { status: 500, error: { ...bad, type: 'server_error' }, headers: NO_RETRY };
    case 'BAD_USAGE':
    case 'UNSUPPORTED':
      return { status: 400, error: bad };
    case 'CONTEXT_OVERFLOW':
      return overflow(thrown.details.tokens, thrown.details.contextSize);
    case 'BUSY':
      return { status: 429, error: { ...bad, type: 'rate_limit_error', code: 'queue_full' }, headers: RETRY_AFTER };
    case 'INSUFFICIENT_MEMORY':
    case 'ABORTED':
      return { status: 503, error: { ...bad, type: 'server_error' }, headers: RETRY_AFTER };
    default:
      return { status: 500, error: { ...bad, type: 'server_error' }, headers: NO_RETRY };
  }
}

/** Options that requests write otherwise than the library does, but for the case. */
const PARAMS: Readonly<Record<string, string>> = {
  penaltyWindow: 'repeat_last_n',
  dryWindow: 'dry_penalty_last_n',
  templateVariables: 'chat_template_kwargs',
  images: 'messages',
};

/** Options of the library that a request gives, and whose names messages may tell. */
const OF_REQUESTS: ReadonlySet<string> = new Set([
  ...['responseFormat', 'toolChoice', 'parallelToolCalls', 'templateVariables', 'maxTokens', 'maxReasoningTokens'],
  ...['topK', 'topP', 'minP', 'typicalP', 'xtcProbability', 'xtcThreshold', 'logitBias', 'topLogprobs'],
  ...['repeatPenalty', 'presencePenalty', 'frequencyPenalty', 'penaltyWindow'],
  ...['dryMultiplier', 'dryBase', 'dryAllowedLength', 'dryWindow'],
]);

const inRequest = (name: string): string =>
  PARAMS[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The option that the library names; empty where it names none. */
function optionOf({ details }: FlashrowError): string {
  const { option } = details as { option?: unknown };
  return typeof option === 'string' ? option : '';
}

/** That option, as requests write it: `topP` is `top_p`, `messages[0].role` stays. */
function paramOf(thrown: FlashrowError): string | null {
  const option = optionOf(thrown);
  if (option === '') return null;
  // Which message a picture came in is not known any more.
  if (option.startsWith('images')) return PARAMS.images;
  return option.replace(/^\w+/, inRequest);
}

/** A picture that a request brings and that is damaged. */
const isOfPicture = ({ message }: FlashrowError): boolean => /^images\[\d+\]/.test(message);

/** A text of the library with the options that requests give, between backticks, as requests write them. */
export const inWordsOfRequests = (text: string): string =>
  text
    .replace(/`templateVariables\.reasoning_effort`/g, '`reasoning_effort`')
    .replace(/`(\w+)(?=[`.:])/g, (written, name: string) => (OF_REQUESTS.has(name) ? `\`${inRequest(name)}` : written));

/** A message of the library with its option as requests write it. */
function inRequestWords(message: string, thrown: FlashrowError): string {
  const name = /^\w+/.exec(optionOf(thrown))?.[0];
  if (name === undefined || !OF_REQUESTS.has(name)) return message;
  return message.replace(new RegExp(`\\b${name}\\b`, 'g'), inRequest(name));
}

/** Agents shorten the conversation where they know these words or this code. */
function overflow(tokens: number, contextSize: number): Refusal {
  return {
    status: 400,
    error: {
      message: `request (${tokens} tokens) exceeds the available context size (${contextSize} tokens)`,
      type: 'exceed_context_size_error',
      param: null,
      code: 'context_length_exceeded',
      n_prompt_tokens: tokens,
      n_ctx: contextSize,
    },
  };
}
