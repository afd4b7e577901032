// The least there is to it: load, generate, stream, look at the receipt, free.
//
//     node examples/tell-story.mjs [MODEL] [PROMPT] [MEMORY]
import { FlashrowError, loadModel } from 'flashrow';

// Without a budget flashrow takes a part of the memory that is left; `flashrow plan MODEL` says what a budget buys.
const [source = 'weights/tales', prompt = 'Once upon a time', memory] = process.argv.slice(2);

try {
  await tellStory();
} catch (error) {
  // A FlashrowError's message is fit to be shown: it says what was wrong and what to do.
  if (!(error instanceof FlashrowError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}

async function tellStory() {
  const model = await loadModel(source, {
    memory,
    contextSize: 256,
    onProgress: ({ stage, done, total }) => {
      if (stage === 'convert') process.stderr.write(`\rconverting: ${Math.floor((100 * done) / total)}%`);
    },
  });
  try {
    const generation = model.generate(prompt, { maxTokens: 60, temperature: 0.8, topP: 0.95, seed: 7 });
    process.stdout.write(prompt);
    // Pieces of other types will come, such as reasoning.
    for await (const piece of generation) if (piece.type === 'text') process.stdout.write(piece.text);
    process.stdout.write('\n');

    const { usage, finishReason, receipt } = await generation.result;
    console.error(
      `${usage.completion} tokens (${finishReason}) at ${receipt.decodeTokensPerSecond?.toFixed(1)} tokens/s`,
      `on ${receipt.kernels} kernels in ${receipt.memoryBytes} bytes`,
    );
  } finally {
    await model.dispose();
  }
}
