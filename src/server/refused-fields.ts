import { refuse } from './requests.js';

/** Why a field cannot be had: always, or null for a value that asks for nothing. */
type Reason = string | ((value: unknown) => string | null);

const FORMAT = 'is not taken: write response_format';
const ALONE = (value: unknown) => (Number(value) > 1 ? 'above 1 cannot be had' : null);

const OF_BOTH: Readonly<Record<string, Reason>> = {
  grammar: FORMAT,
  json_schema: FORMAT,
  guided_json: FORMAT,
  guided_choice: FORMAT,
  guided_regex: FORMAT,
  guided_grammar: FORMAT,
  structured_outputs: FORMAT,
};

const OF_CHATS = 'goes with /v1/chat/completions';

/** Fields that would change an answer and cannot be had. To leave one out without a word would be a wrong answer. */
const REFUSED = {
  chat: {
    ...OF_BOTH,
    functions: (value) => (Array.isArray(value) && value.length === 0 ? null : 'are not taken: write them as tools'),
    audio: 'cannot be had: answers are texts',
    modalities: (value) =>
      Array.isArray(value) && value.includes('audio') ? 'with "audio" cannot be had: answers are texts' : null,
    web_search_options: 'cannot be had: nothing is fetched',
  },
  completions: {
    ...OF_BOTH,
    messages: OF_CHATS,
    tools: OF_CHATS,
    tool_choice: OF_CHATS,
    top_logprobs: OF_CHATS,
    reasoning_effort: OF_CHATS,
    chat_template_kwargs: OF_CHATS,
    suffix: 'cannot be had yet: write the prompt with the special tokens of the model',
  },
  responses: {
    prompt: 'is not known: nothing is stored; write it as instructions and input',
    n: ALONE,
    stop: (value) => (Array.isArray(value) && value.length === 0 ? null : 'cannot be had in responses'),
  },
} satisfies Readonly<Record<string, Readonly<Record<string, Reason>>>>;

/** Throws 400 for a field that cannot be had. Null and an empty text ask for nothing. */
export function refuseFields(api: keyof typeof REFUSED, body: object): void {
  for (const [name, reason] of Object.entries<Reason>(REFUSED[api])) {
    const value = (body as Record<string, unknown>)[name];
    if (value === undefined || value === null || value === '') continue;
    const why = typeof reason === 'string' ? reason : reason(value);
    if (why !== null) refuse(name, why);
  }
}

/** Throws 400 for choices that were to be left out again. */
export function refuseBestOf({ best_of: best, n }: { best_of?: unknown; n?: number | undefined }): void {
  if (Number(best ?? 1) > (n ?? 1)) refuse('best_of', 'above n cannot be had: no choice is left out');
}
