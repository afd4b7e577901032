// Two models in two threads of an app, each with a budget of its own. (One model needs no thread of yours: it lives in
// one already.)
//
//     node examples/worker-threads.mjs
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadModel } from 'flashrow';

if (isMainThread) {
  const prompts = ['The little dog', 'One day a girl'];
  const stories = prompts.map(
    (prompt) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: prompt });
        worker.once('message', resolve).once('error', reject);
      }),
  );
  for (const story of await Promise.all(stories)) console.log(story);
} else {
  const model = await loadModel('weights/tales', { memory: '8MB', contextSize: 128, threads: 1 });
  const { text } = await model.generate(workerData, { maxTokens: 20 }).result;
  await model.dispose();
  parentPort.postMessage(workerData + text);
}
