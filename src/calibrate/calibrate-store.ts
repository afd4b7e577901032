import { createHash } from 'node:crypto';
import { openBridge } from '../../native-bridge/index.js';
import type { Methods } from '../contract/protocol.js';
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
import { InputSpill } from './input-spill.js';
import { trainLayers } from './train-layers.js';

/** Tokens of a sequence: what lies further back says little about which neurons a token wakes. */
const CALIBRATION_CONTEXT = 512;

type Arguments = Methods['calibrate']['args'];
type OnEvent = (event: Methods['calibrate']['event']) => void;

/**
 * Runs a store over a text, trains a predictor for each layer and writes predictors.bin beside its rows, whole at the end. An interrupted run is
 * resumed. Throws UNSUPPORTED where no neuron is ever idle, BAD_USAGE for too little text, and what loading and writing throw.
 */
export async function calibrateStore(
  args: Arguments,
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<Methods['calibrate']['result']> {
  const { documents, settings, options } = args;
  const store = openStore(args.store);
  checkSuited(store);
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
      const layers = trainLayers({
        ...{ store, bridge, inputs, settings, folder, trainTokens: tokens - heldOutTokens },
        onStep: (layer, rank, done) => {
          if (aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
          onEvent({ stage: 'train', layer, rank, done: layer + done, total: spec.numLayers });
        },
      });
      const header = { model, tokens, heldOutTokens, seed: settings.seed };
      const crc32c = (bytes: Uint8Array, seed: number) => bridge.crc32c(bytes, seed);
      const { path, bytes } = writePredictors(store.path, header, layers, crc32c);
      folder.remove();
      const told = layers.map(({ rank, threshold, statistics }) => ({ rank, threshold, ...statistics }));
      return { path, bytes, modelBytes: store.bytes, tokens, heldOutTokens, layers: told };
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
  const message = `${path} needs ${space.neededBytes} bytes for what goes into the layers, ${space.freeBytes} are free; make room, or calibrate on fewer tokens`;
  throw new FlashrowError('DISK_FULL', message, { path, ...space });
}

/** Spills what goes into each layer, sequence by sequence; the model is gone from memory again before training. */
async function collect(
  { store: path, options, anonymousBefore }: Arguments,
  { spec }: Store,
  sequences: readonly number[][],
  contextSize: number,
  folder: CalibrationFolder,
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<InputSpill> {
  const tokensOf = (count: number) => sequences.slice(0, count).reduce((sum, ids) => sum + ids.length, 0);
  const total = tokensOf(sequences.length);
  let done = folder.collected;
  const inputs = new InputSpill(folder.path, spec.numLayers, spec.hiddenSize, tokensOf(done));
  if (done === sequences.length) return inputs;
  try {
    const host = await openHost(
      { store: path, options: { ...options, contextSize, exact: true, tuning: {} }, anonymousBefore },
      aborted,
      () => {},
    );
    try {
      for (; done < sequences.length; done++) {
        await host.observe(sequences[done], (layer, x, tokens) => inputs.append(layer, x, tokens));
        folder.collected = done + 1;
        onEvent({ stage: 'collect', done: tokensOf(done + 1), total });
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
