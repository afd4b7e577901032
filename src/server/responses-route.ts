import { chatOf } from './chat-route.js';
import type { ModelPool } from './model-pool.js';
import { readBody } from './requests.js';
import type { Job } from './respond.js';
import { ResponsesFormat } from './responses-format.js';
import { conversationOf, RESPONSES_REQUEST } from './responses-request.js';

/** `POST /v1/responses`, by Open Responses. Nothing is stored: every request brings the whole conversation. */
export async function responsesJob(request: Request, pool: ModelPool): Promise<Job> {
  const body = await readBody(request, RESPONSES_REQUEST);
  const pooled = pool.find(body.model);
  const { messages, options } = conversationOf(body);
  const format = new ResponsesFormat(pooled.name, body);
  const job = chatOf(pooled, messages, options, { stream: body.stream === true, format });
  return {
    ...job,
    count(model) {
      format.drawnBy(model.info.samplingDefaults);
      return job.count(model);
    },
  };
}
