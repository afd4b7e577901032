// The least there is to it: load, generate, stream, look at the receipt, free.
//
//     node examples/tell-story.mjs [MODEL] [PROMPT]
import { loadModel } from 'flashrow';

const [source = 'weights/tales', prompt = 'Once upon a time'] = process.argv.slice(2);

const model = await loadModel(source, {
  memory: '8MB', // what the model may take in all; `flashrow plan MODEL` says what a budget buys
  contextSize: 256,
  onProgress: ({ stage, done, total }) => {
    if (stage === 'convert') process.stderr.write(`\rconverting: ${Math.floor((100 * done) / total)}%`);
  },
});
try {
  const generation = model.generate(prompt, { maxTokens: 60, temperature: 0.8, topP: 0.95, seed: 7 });
  process.stdout.write(prompt);
  for await (const { type, text } of generation) if (type === 'text') process.stdout.write(text);
  process.stdout.write('\n');

  const { usage, finishReason, receipt } = await generation.result;
  console.error(
    `${usage.completion} tokens (${finishReason}) at ${receipt.decodeTokensPerSecond?.toFixed(1)} tokens/s`,
    `on ${receipt.kernels} kernels in ${receipt.memoryBytes} bytes`,
  );
} finally {
  await model.dispose();
}
