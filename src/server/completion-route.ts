import type { GenerateOptions } from '../index.js';
import type { ModelPool } from './model-pool.js';
import { CompletionFormat } from './openai-format.js';
import { COMPLETION_REQUEST, type CompletionRequest, generateOptions, readBody, refuse } from './requests.js';
import type { Job } from './respond.js';

/** `POST /v1/completions`. */
export async function completionJob(request: Request, pool: ModelPool): Promise<Job> {
  const body = await readBody(request, COMPLETION_REQUEST);
  const pooled = pool.find(body.model);
  const prompt = promptOf(body);
  if (body.suffix) refuse('suffix', 'cannot be had yet: write the prompt with the special tokens of the model');
  if (body.logprobs) refuse('logprobs', 'cannot be had yet');
  if ((body.best_of ?? 1) > 1) refuse('best_of', 'above 1 cannot be had');
  if (body.echo && typeof prompt !== 'string') refuse('echo', 'goes with a prompt that is a text');
  const given = Object.fromEntries(Object.entries(generateOptions(body)).filter(([, value]) => value !== undefined));
  const form = { model: pooled.name, includeUsage: body.stream_options?.include_usage === true };
  return {
    pooled,
    stream: body.stream === true,
    format: new CompletionFormat(form, body.echo ? (prompt as string) : ''),
    count: async (model) => (typeof prompt === 'string' ? model.countTokens(prompt) : prompt.length),
    begin: (model, signal) => {
      const options: GenerateOptions = { ...model.info.samplingDefaults, ...given, signal };
      return model.generate(prompt, options);
    },
  };
}

/** One prompt. A list of one is as good. */
function promptOf({ prompt }: CompletionRequest): string | number[] {
  if (typeof prompt === 'string') return prompt;
  const [first] = prompt;
  if (first === undefined) return refuse('prompt', 'is empty');
  if (typeof first === 'number') return prompt as number[];
  if (prompt.length > 1) return refuse('prompt', 'is a list: send one prompt in a request');
  return first;
}
