import { createHash } from 'node:crypto';
import { openBridge } from '../../native-bridge/index.js';
import type { Methods } from '../contract/protocol.js';
import { formatBytes } from '../disk/format-bytes.js';
import { freeBytes } from '../disk/free-bytes.js';
import { asWriteError } from '../disk/write-errors.js';
import { openHost } from '../engine/open-host.js';
import { FlashrowError } from '../errors.js';
import { defaultThreads } from '../plan/machine.js';
import { storeIdentity } from '../store/predictors.js';
import { openStore, type Store } from '../store/reader.js';
import { writePredictors } from '../store/write/predictors-writer.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import { CalibrationFolder } from './calibration-folder.js';
import { calibrationText } from './calibration-text.js';
import { checkRank } from './check-rank.js';
import { LayerInputFiles } from './layer-inputs.js';
import { trainPredictors } from './train-predictors.js';

/** Tokens of a sequence. Tokens further back say little about the neurons that a token activates. */
const CALIBRATION_CONTEXT = 512;

type Arguments = Methods['calibrate']['args'];
type OnEvent = (event: Methods['calibrate']['event']) => void;

/**
 * Calibrates a store, in this order:
 *
 *     calibration-text.ts      documents -> sequences of ids, a fifth of them held out to measure on
 *     calibration-folder.ts    takes the folder that keeps the work; an interrupted calibration is resumed from it
 *     layer-inputs.ts          one run over all sequences; the input of every layer goes to disk
 *     train-predictors.ts      layer by layer, from those inputs:
 *       active-set.ts            which neurons each token activates
 *       sign-threshold.ts        the threshold of the sign selector
 *       train-layer.ts           predictors of rising rank (train-low-rank.ts), until a higher one does not pay
 *       layer-statistics.ts      figures for the plan: active share, reuse
 *
 * At the end predictors.bin appears whole beside the store's rows. Throws UNSUPPORTED for a model whose neurons are
 * never idle, BAD_USAGE for too little text and for a rank that cannot pay, BUSY, DISK_FULL, NOT_WRITABLE, ABORTED, and
 * what loading throws.
 */
export async function calibrateStore(
  args: Arguments,
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<Methods['calibrate']['result']> {
  const { documents, settings, options } = args;
  const store = openStore(args.store);
  checkSuited(store);
  if (settings.rank !== null) checkRank(store, settings.rank);
  const { spec } = store;
  const contextSize = Math.min(spec.contextLength, CALIBRATION_CONTEXT);
  const tokenizer = loadTokenizer(store.readTokenizer(), store.text);
  const { sequences, tokens, heldOutTokens } = calibrationText(documents, tokenizer, contextSize, settings.tokens);
  const model = storeIdentity(store.path);
  const key = JSON.stringify([model, sequences, settings]);
  const folder = CalibrationFolder.take(store.path, createHash('sha256').update(key).digest('hex'));
  const space = {
    neededBytes: 4 * tokens * spec.hiddenSize * spec.numLayers,
    freeBytes: freeBytes(folder.path),
  };
  const bridge = openBridge({ threads: options.threads ?? defaultThreads() });
  try {
    if (folder.collected === 0) checkSpace(folder.path, space);
    const inputs = await collect(args, store, sequences, contextSize, folder, aborted, onEvent);
    try {
      const layers = trainPredictors({
        ...{ store, bridge, inputs, settings, folder, trainTokens: tokens - heldOutTokens },
        onStep: (layer, rank, done) => {
          if (aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
          onEvent({ stage: 'train', done: layer + done, total: spec.numLayers, unit: 'layers', layer, rank });
        },
      });
      const header = { model, tokens, heldOutTokens, seed: settings.seed };
      const crc32c = (bytes: Uint8Array, seed: number) => bridge.crc32c(bytes, seed);
      const { path, bytes } = writePredictors(store.path, header, layers, crc32c);
      folder.remove();
      const measured = layers.map(({ rank, threshold, statistics }) => ({ rank, threshold, ...statistics }));
      return { path, bytes, modelBytes: store.bytes, tokens, heldOutTokens, layers: measured };
    } finally {
      inputs.close();
    }
  } catch (error) {
    folder.release();
    throw asWriteError(error, folder.path, space);
  } finally {
    bridge.dispose();
  }
}

/** Throws UNSUPPORTED unless the store has neurons that are idle, with rows of their own. */
function checkSuited({ spec, layers }: Store): void {
  const because =
    spec.activation !== 'relu'
      ? `its activation is ${spec.activation}, under which every neuron counts`
      : layers.some(({ downOrientation }) => downOrientation !== 'by-neuron')
        ? 'this store holds its down matrices by output; convert the model again'
        : null;
  if (because === null) return;
  throw new FlashrowError('UNSUPPORTED', `predictors need a ReLU model: ${because}`, { activation: spec.activation });
}

function checkSpace(path: string, space: { neededBytes: number; freeBytes: number }): void {
  if (space.freeBytes >= space.neededBytes) return;
  const message = `${path} needs ${formatBytes(space.neededBytes)} for the inputs of the layers, ${formatBytes(space.freeBytes)} are free; make room, or calibrate on fewer \`tokens\``;
  throw new FlashrowError('DISK_FULL', message, { path, ...space });
}

/**
 * Runs the sequences that are still missing, and keeps the inputs of every layer on disk. The model is gone from memory
 * again before training begins.
 */
async function collect(
  { store: path, options, anonymousBefore }: Arguments,
  { spec }: Store,
  sequences: readonly number[][],
  contextSize: number,
  folder: CalibrationFolder,
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<LayerInputFiles> {
  const tokensOf = (count: number) => sequences.slice(0, count).reduce((sum, ids) => sum + ids.length, 0);
  const total = tokensOf(sequences.length);
  let done = folder.collected;
  const inputs = new LayerInputFiles(folder.path, spec.numLayers, spec.hiddenSize, tokensOf(done));
  if (done === sequences.length) return inputs;
  try {
    const host = await openHost(
      { store: path, options: { ...options, contextSize, exact: true, tuning: {} }, anonymousBefore },
      aborted,
      () => {},
    );
    try {
      for (; done < sequences.length; done++) {
        await host.observe(sequences[done], aborted, (layer, x, tokens) => inputs.append(layer, x, tokens));
        folder.collected = done + 1;
        onEvent({ stage: 'collect', done: tokensOf(done + 1), total, unit: 'tokens' });
      }
    } finally {
      await host.dispose();
    }
    return inputs;
  } catch (error) {
    inputs.close();
    throw error;
  }
}
