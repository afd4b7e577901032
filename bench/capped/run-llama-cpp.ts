import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Answer, task, timeContender } from './contender.js';

/*
 * The other contender: llama.cpp through node-llama-cpp (https://node-llama-cpp.withcat.ai/api/functions/getLlama). It
 * maps the weights from the file, as it does for models that do not fit. It is installed apart, so that the types in
 * use are declared here.
 */
interface Sequence {
  /** Yields an end-of-sequence token, too, and goes on after it. */
  evaluate(tokens: number[], options: { temperature: number; yieldEogToken: boolean }): AsyncIterable<number>;
  clearHistory(): Promise<void>;
}
interface Context {
  getSequence(): Sequence;
}
interface LlamaModel {
  createContext(options: object): Promise<Context>;
}
interface Llama {
  loadModel(options: object): Promise<LlamaModel>;
}
interface NodeLlamaCpp {
  getLlama(options: object): Promise<Llama>;
}

const MOST_BATCH = 512;

const asked = task();
const installed = createRequire(join(asked.peers, 'package.json')).resolve('node-llama-cpp');
const { getLlama }: NodeLlamaCpp = await import(pathToFileURL(installed).href);
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: asked.threads,
  logLevel: 'error',
});
const startedAt = performance.now();
const model = await llama.loadModel({
  modelPath: asked.model,
  gpuLayers: 0,
  useMmap: true,
  ignoreMemorySafetyChecks: true,
});
const context = await model.createContext({
  contextSize: asked.contextSize,
  batchSize: Math.min(MOST_BATCH, asked.contextSize),
  threads: asked.threads,
  ignoreMemorySafetyChecks: true,
});
const sequence = context.getSequence();

const answer: Answer = await timeContender(asked, startedAt, async function* (prompt, count) {
  await sequence.clearHistory();
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    yield token;
    if (--count === 0) break;
  }
});
console.log(JSON.stringify(answer));
process.exit(0);
