import { PNG } from 'pngjs';
import { loadModel } from '../../src/index.js';

// A question about a picture and a region of it, as an app would ask it. bench/pictures/main.ts starts it in a process
// of its own.

/** What is asked. */
export interface PictureTask {
  model: string;
  vision: string;
  memoryBytes: number;
  contextSize: number;
  threads: number;
  cacheDir: string;
  /** The token that stands where a region is. */
  regionId: number;
  /** Tokens of the text around picture and region, and of the answer. */
  textTokens: number;
  newTokens: number;
}

/** What came of it. */
export interface PictureAnswer {
  loadSeconds: number;
  /** From the question to the first token: the tower, the sampler, and the prompt. */
  firstTokenSeconds: number;
  /** The same for another question about the same picture. */
  secondQuestionSeconds: number;
  tokensPerSecond: number | null;
  promptTokens: number;
  payloadBytesRead: { prefill: number; decode: number };
  memoryBytes: number;
}

const [WIDTH, HEIGHT] = [640, 480];
const [BOS, IMAGE, FIRST_WORD, DISTINCT_WORDS] = [1, 0, 259, 200];

function picture(): Uint8Array {
  const png = new PNG({ width: WIDTH, height: HEIGHT });
  for (let i = 0; i < WIDTH * HEIGHT; i++) png.data.set([i % 256, (i >> 8) % 256, (7 * i) % 256, 255], 4 * i);
  return PNG.sync.write(png);
}

const task: PictureTask = JSON.parse(process.argv[2]);
const began = performance.now();
const since = (from: number) => (performance.now() - from) / 1000;
const { model: path, vision, contextSize, threads, cacheDir, regionId, textTokens, newTokens } = task;
const model = await loadModel(path, { memory: task.memoryBytes, vision, contextSize, threads, cacheDir });
try {
  const loadSeconds = since(began);
  const options = { images: [picture()], regions: [{ box: [100, 80, 400, 300] }], ignoreEos: true };
  const words = (from: number) =>
    Array.from({ length: textTokens }, (_, i) => FIRST_WORD + ((7 * (i + from)) % DISTINCT_WORDS));
  const image = Array.from({ length: model.info.vision!.mostTokens }, () => IMAGE);
  const ask = async (from: number, maxTokens: number) => {
    const prompt = [BOS, ...image, ...words(from), regionId, ...words(from + 1)];
    const asked = performance.now();
    const generation = model.generate(prompt, { ...options, maxTokens });
    let firstTokenSeconds: number | null = null;
    for await (const _ of generation) firstTokenSeconds ??= since(asked);
    return { firstTokenSeconds: firstTokenSeconds!, result: await generation.result };
  };
  const first = await ask(0, newTokens);
  const second = await ask(3, 1);
  const { receipt, usage } = first.result;
  const answer: PictureAnswer = {
    loadSeconds,
    firstTokenSeconds: first.firstTokenSeconds,
    secondQuestionSeconds: second.firstTokenSeconds,
    tokensPerSecond: receipt.decodeTokensPerSecond,
    promptTokens: usage.prompt,
    payloadBytesRead: { prefill: receipt.payloadBytesRead.prefill, decode: receipt.payloadBytesRead.decode },
    memoryBytes: receipt.memoryBytes,
  };
  console.log(JSON.stringify(answer));
} finally {
  await model.dispose();
}
