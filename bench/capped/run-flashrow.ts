import { type GenerationResult, loadModel, type Tuning } from '../../src/index.js';
import { type Answer, task, timeContender } from './contender.js';

// One of the two contenders: flashrow, as an app would use it. bench/capped/main.ts starts it in its own process.
const asked = task();
const startedAt = performance.now();
const model = await loadModel(asked.model, {
  memory: asked.memoryBytes,
  contextSize: asked.contextSize,
  threads: asked.threads,
  exact: asked.tuning.selector !== 'trace',
  // The public type does not know the selector `trace`, which means nothing to an app.
  tuning: asked.tuning as Tuning,
});
try {
  let result: Promise<GenerationResult> | undefined;
  const times = await timeContender(asked, startedAt, (prompt, maxTokens) => {
    const generation = model.generate(prompt, { maxTokens, ignoreEos: true });
    result = generation.result;
    return generation;
  });
  const answer: Answer = { ...times, receipt: (await result!).receipt };
  console.log(JSON.stringify(answer));
} finally {
  await model.dispose();
}
