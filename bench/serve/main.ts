import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { createServer, type FlashrowServer, listen } from '../../src/server/index.js';
import { heldAnswers } from './held-answers.js';

/*
 * `node dist/bench/serve/main.js MODEL [MEMORY] [PARALLEL]`: whether the answers of a served model keep what they are
 * held to, how fast four choices of one prompt come, and how long the server's event loop is held up while eight
 * clients stream, beside an idle one.
 */

/** Streams in a thread of its own, so that reading them holds up the clients alone. Counts the bytes that come. */
const CLIENTS = `
import { parentPort, workerData } from 'node:worker_threads';
const { url, body, count } = workerData;
const stream = async (index) => {
  const messages = [{ role: 'user', content: 'Tell a story about the number ' + index + '.' }];
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ ...body, messages }) });
  let bytes = 0;
  for await (const chunk of response.body) bytes += chunk.length;
  return bytes;
};
parentPort.postMessage(await Promise.all(Array.from({ length: count }, (_, index) => stream(index))));
`;

const [source = 'weights/chat', memory, parallel = '1'] = process.argv.slice(2);
const sequences = Number(parallel);
const server = createServer({
  models: [{ name: 'm', source, options: { contextSize: 1024, sequences } }],
  ...(memory === undefined ? {} : { memory }),
});
try {
  await server.load();
  for (const { name, kept, said } of await heldAnswers(server))
    console.log(`${kept ? 'kept' : 'NOT KEPT'}  ${name}  ${said}`);
  await reportChoices(server);
  await report(server);
} finally {
  await server.close();
}

/** Four choices of one prompt: side by side where PARALLEL is more than 1. */
async function reportChoices(serving: FlashrowServer): Promise<void> {
  const messages = [
    { role: 'user', content: 'Tell a story about a dog and a cat who live in a red house by the sea.' },
  ];
  const body = JSON.stringify({ messages, n: 4, max_tokens: 64, temperature: 0.8, seed: 1 });
  const began = performance.now();
  const response = await serving.fetch(new Request('http://localhost/v1/chat/completions', { method: 'POST', body }));
  const { usage } = (await response.json()) as { usage: { completion_tokens: number; prompt_tokens: number } };
  const seconds = (performance.now() - began) / 1000;
  const speed = (usage.completion_tokens / seconds).toFixed(1);
  console.log(`4 choices: ${usage.completion_tokens} tokens in ${seconds.toFixed(2)} s, ${speed} tokens/s`);
}

async function report(serving: FlashrowServer): Promise<void> {
  const listening = await listen(serving, { port: 0 });
  const idle = await delayWhile(() => new Promise((resolve) => setTimeout(resolve, 2000)));
  const before = process.memoryUsage();
  const body = { max_tokens: 200, stream: true, temperature: 0.8 };
  const data = { url: `${listening.url}/v1/chat/completions`, body, count: 8 };
  let bytes: number[] = [];
  const streaming = await delayWhile(async () => {
    bytes = await clients(data);
  });
  // Twice more: what grows with every answer shows.
  for (let round = 0; round < 2; round++) await clients(data);
  const after = process.memoryUsage();
  const mb = (value: number) => (value / 1e6).toFixed(1);
  console.log(`event loop, p99 ms: idle ${idle.toFixed(2)}, while 8 stream ${streaming.toFixed(2)}`);
  console.log(`bytes of each stream: ${bytes.join(' ')}`);
  console.log(`heap MB: ${mb(before.heapUsed)}, after 24 answers ${mb(after.heapUsed)}`);
  await listening.close();
}

/** The 99th percentile of the event loop's delay, ms. */
async function delayWhile(work: () => Promise<unknown>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await work();
  delays.disable();
  return delays.percentile(99) / 1e6;
}

function clients(workerData: object): Promise<number[]> {
  const url = new URL(`data:text/javascript,${encodeURIComponent(CLIENTS)}`);
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
