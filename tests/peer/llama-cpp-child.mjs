// Asks llama.cpp one question: started in a folder that has node-llama-cpp, it gets the question and answers by
// message.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const installed = createRequire(`${process.cwd()}/`).resolve('node-llama-cpp');
const { getLlama } = await import(pathToFileURL(installed).href);

process.once('message', async ({ path, texts, tokens, top }) => {
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error' });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  const answer = texts ? texts.map((text) => model.tokenize(text, false)) : await predict(model, tokens, top);
  process.send(answer, () => process.exit(0));
});

/** For each token the natural-log probabilities of the `top` likeliest to follow, best first. */
async function predict(model, tokens, top) {
  const context = await model.createContext({ contextSize: 256, batchSize: 64 });
  const wanted = { generateNext: { probabilities: true } };
  const outputs = await context.getSequence().controlledEvaluate(tokens.map((token) => [token, wanted]));
  return outputs.map((output) =>
    [...output.next.probabilities].slice(0, top).map(([token, probability]) => [token, Math.log(probability)]),
  );
}
