import { EventSourceParserStream } from 'eventsource-parser/stream';

const KEY = 'flashrow-key';

/** The key for this tab; it is forgotten when the tab is closed. */
export const apiKey = {
  get: (): string => sessionStorage.getItem(KEY) ?? '',
  set: (key: string): void => sessionStorage.setItem(KEY, key),
};

/** The server refused, or failed; `status` is 0 where it could not be reached. */
export class ServerFailure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Asks the server; `body` makes it a POST. Throws ServerFailure, or what aborted it. */
export async function ask(
  path: string,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Response> {
  const key = apiKey.get();
  const headers = {
    ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const request = { method: body === undefined ? 'GET' : 'POST', headers, body: JSON.stringify(body), signal };
  const response = await fetch(path, request).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ServerFailure(0, 'the server cannot be reached');
  });
  if (response.ok) return response;
  const told = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
  throw new ServerFailure(response.status, told?.error?.message ?? `the server answered with ${response.status}`);
}

/** An event of a stream: its name, and its data as JSON; null for `[DONE]`. */
export interface StreamEvent {
  name: string | undefined;
  data: unknown;
}

/** The events of a response, as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  const reader = response
    .body!.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield { name: value.event, data: value.data === '[DONE]' ? null : JSON.parse(value.data) };
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
