import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { openBridge } from '../../native-bridge/index.js';
import { ActiveSet } from '../../src/calibrate/active-set.js';
import { trainLayer } from '../../src/calibrate/train-layer.js';
import { seededRandom } from '../../src/engine/sampler.js';
import { defaultThreads } from '../../src/plan/machine.js';
import { predictorBytes } from '../../src/store/predictors.js';
import { runBench } from '../command.js';

/** Directions in which the made-up inputs vary, and to which neurons listen. */
const DIRECTIONS = 48;
/** Share of the neurons that a token wakes. */
const ACTIVE_SHARE = 0.1;

/** Inputs of few directions and some noise, and the neurons that they wake: those with the largest products. */
function madeUp(hiddenSize: number, numNeurons: number, tokens: number) {
  const random = seededRandom(1);
  const normal = () => random() + random() + random() + random() - 2;
  const spread = Float32Array.from({ length: DIRECTIONS * hiddenSize }, normal);
  const listening = Float32Array.from({ length: numNeurons * DIRECTIONS }, normal);
  const x = new Float32Array(tokens * hiddenSize);
  const active = new ActiveSet(tokens, numNeurons);
  const code = new Float32Array(DIRECTIONS);
  const products = new Float32Array(numNeurons);
  for (let token = 0; token < tokens; token++) {
    for (let d = 0; d < DIRECTIONS; d++) code[d] = normal();
    for (let i = 0; i < hiddenSize; i++) {
      let sum = 0.3 * normal();
      for (let d = 0; d < DIRECTIONS; d++) sum += (code[d] * spread[d * hiddenSize + i]) / Math.sqrt(DIRECTIONS);
      x[token * hiddenSize + i] = sum;
    }
    for (let n = 0; n < numNeurons; n++) {
      let sum = 0;
      for (let d = 0; d < DIRECTIONS; d++) sum += code[d] * listening[n * DIRECTIONS + d];
      products[n] = sum;
    }
    const threshold = Float32Array.from(products).sort()[Math.floor((1 - ACTIVE_SHARE) * numNeurons)];
    for (let n = 0; n < numNeurons; n++) products[n] -= threshold;
    active.mark(token, 1, products);
  }
  return { x, active };
}

await runBench(async (args, log) => {
  const command = new Command('bench:train-layer')
    .description('Trains the predictor of one made-up layer, as `flashrow calibrate` does: time and memory.')
    .option('--hidden <N>', 'width', '4096')
    .option('--neurons <N>', 'neurons', '11008')
    .option('--tokens <N>', 'samples; a fifth of them only measures', '10000')
    .option('--rank <N>', 'rank', '128')
    .exitOverride()
    .parse([...args], { from: 'user' });
  const given = command.opts<Record<string, string>>();
  const [hiddenSize, numNeurons, tokens, rank] = ['hidden', 'neurons', 'tokens', 'rank'].map((name) =>
    Number(given[name]),
  );
  const threads = defaultThreads();
  log('making inputs up');
  const { x, active } = madeUp(hiddenSize, numNeurons, tokens);
  const inputs = {
    tokens,
    hiddenSize,
    read: (first: number, count: number, into: Float32Array, at: number) =>
      into.set(x.subarray(first * hiddenSize, (first + count) * hiddenSize), at),
  };
  const bridge = openBridge({ threads });
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-layer-'));
  let shown = 0;
  try {
    const start = performance.now();
    const { division } = trainLayer(bridge, inputs, active, {
      trainTokens: Math.floor(0.8 * tokens),
      falseNegativeRate: 0.03,
      ranks: [rank],
      maxBytes: Number.POSITIVE_INFINITY,
      predictorBytes: (one) => predictorBytes(one, 'q4_0', { hiddenSize, numNeurons }),
      format: 'q4_0',
      bundleBytes: 1,
      seed: 1,
      scratchPath: join(folder, 'trial'),
      onStep: (_, done) => {
        if (Math.floor(10 * done) > shown) log(`${10 * ++shown}%`);
      },
    });
    const seconds = (performance.now() - start) / 1000;
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    const text =
      `${hiddenSize} x ${numNeurons}, rank ${rank}, ${tokens} samples, ${threads} threads: ${(seconds / 60).toFixed(1)} minutes, peak memory of the process ${(peakBytes / 2 ** 30).toFixed(2)} GiB; ` +
      `${(100 * division.falseNegativeRate).toFixed(1)}% of the active neurons missed, ${division.load.toFixed(2)} chosen for each active one`;
    return { text, data: { seconds, peakBytes, ...division }, json: null, failed: false };
  } finally {
    bridge.dispose();
    rmSync(folder, { recursive: true });
  }
});
