import type { GenerateOptions, Model } from '../index.js';
import { CompletionFormat } from './completion-format.js';
import type { ModelPool } from './model-pool.js';
import { refuseBestOf, refuseFields } from './refused-fields.js';
import { COMPLETION_REQUEST, type CompletionRequest, generateOptions, readBody, refuse, seedOf } from './requests.js';
import type { Job } from './respond.js';

/** `POST /v1/completions`. */
export async function completionJob(request: Request, pool: ModelPool): Promise<Job> {
  const body = await readBody(request, COMPLETION_REQUEST);
  const pooled = pool.find(body.model);
  const prompt = promptOf(body);
  refuseFields('completions', body);
  refuseBestOf(body);
  const choices = body.n ?? 1;
  if (body.echo && body.logprobs !== undefined) refuse('logprobs', 'of a prompt that is echoed cannot be had');
  if (body.echo && typeof prompt !== 'string') refuse('echo', 'goes with a prompt that is a text');
  const scored = body.logprobs === undefined ? {} : { logprobs: true, topLogprobs: body.logprobs };
  const given = Object.fromEntries(
    Object.entries({ ...generateOptions(body), ...scored }).filter(([, value]) => value !== undefined),
  );
  const form = {
    model: pooled.name,
    includeUsage: body.stream_options?.include_usage === true,
    logprobs: body.logprobs !== undefined,
  };
  return {
    ...{ pooled, choices },
    stream: body.stream === true,
    format: new CompletionFormat(form, body.echo ? (prompt as string) : ''),
    count: (model) => countOf(model, prompt, given),
    begin: (model, signal, choice) => {
      const options: GenerateOptions = {
        ...model.info.samplingDefaults,
        ...given,
        seed: seedOf(body.seed, choice),
        signal,
      };
      return model.generate(prompt, options);
    },
  };
}

/** Tokens of a prompt. Rejects with what is wrong with it, or with the options. */
async function countOf(model: Model, prompt: string | number[], options: GenerateOptions): Promise<number> {
  if (typeof prompt === 'string') return model.countTokens(prompt, options);
  await model.countTokens('', options);
  await model.detokenize(prompt);
  return prompt.length;
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
