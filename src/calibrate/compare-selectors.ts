import { join } from 'node:path';
import { openBridge } from '../../native-bridge/index.js';
import type { EvaluationResult } from '../contract/generation.js';
import type { Methods, SelectorJudgement } from '../contract/protocol.js';
import type { Receipt } from '../contract/receipt.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { formatBytes } from '../disk/format-bytes.js';
import { freeBytes } from '../disk/free-bytes.js';
import { withScratchFolder } from '../disk/scratch-file.js';
import { asWriteError, type Space } from '../disk/write-errors.js';
import { createSelector } from '../engine/create-selector.js';
import { openHost } from '../engine/open-host.js';
import { FlashrowError } from '../errors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';
import { storeOutline } from '../plan/outline.js';
import { planOutline } from '../plan/plan-outline.js';
import { settingsFor } from '../plan/settings.js';
import { openStore, type Store } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import { makeWindows } from '../text/documents.js';
import { LogitDivergence, LogitFile } from './compare-logits.js';
import { judgeSelector } from './judge-selector.js';
import { LayerInputFiles } from './layer-inputs.js';

type Arguments = Methods['compare']['args'];
type OnEvent = (event: Methods['compare']['event']) => void;

/**
 * Runs the same tokens twice under one budget: first with every row that matters, then as the options say. Then
 * measures the difference, in the logits (compare-logits.ts) and in the chosen neurons of each layer
 * (judge-selector.ts). The logits and the layers' inputs of the first run wait on disk, in the cache folder. Throws
 * UNSUPPORTED for a model whose neurons are never idle, BAD_USAGE, DISK_FULL, ABORTED, and what loading throws.
 */
export async function compareSelectors(
  args: Arguments,
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<Methods['compare']['result']> {
  const store = openStore(args.store);
  requireRelu(store);
  const { contextSize } = settingsFor(store.spec, args.options);
  const sequences = sequencesOf(store, args, contextSize);
  const cacheDir = cacheDirectory(args.options.cacheDir);
  return withScratchFolder(cacheDir, 'compare', (folder) =>
    compareIn(folder, store, { ...args, sequences }, aborted, onEvent),
  );
}

function requireRelu({ spec: { activation } }: Store): void {
  if (activation === 'relu') return;
  throw new FlashrowError(
    'UNSUPPORTED',
    `\`compareSelectors()\` is for ReLU models: the activation of this one is ${activation}, under which every neuron counts, so there is no selector to judge`,
    { activation },
  );
}

async function compareIn(
  folder: string,
  store: Store,
  args: Arguments & { sequences: readonly (readonly number[])[] },
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<Methods['compare']['result']> {
  const { spec } = store;
  const { sequences } = args;
  const space = checkSpace(folder, spec, sequences);
  const logits = new LogitFile(join(folder, 'logits.f32'), spec.vocabSize);
  const inputs = new LayerInputFiles(folder, spec.numLayers, spec.hiddenSize, 0);
  try {
    const exact = { ...args.options, exact: true, tuning: { ...args.options.tuning, selector: 'auto' as const } };
    const total = 2 * sequences.length;
    const tell = (offset: number) => (done: number) =>
      onEvent({ stage: 'score', done: offset + done, total, unit: 'sequences' });
    const dense = await withHost(args, exact, aborted, (host) =>
      host.score(
        sequences,
        aborted,
        tell(0),
        (row) => logits.append(row),
        (layer, x, n) => inputs.append(layer, x, n),
      ),
    );
    const divergence = new LogitDivergence();
    const sparse = await withHost(args, args.options, aborted, (host) =>
      host.score(sequences, aborted, tell(sequences.length), (row) => divergence.add(logits.next(), row)),
    );
    return {
      dense,
      sparse,
      topOneAgreement: divergence.topOneAgreement,
      klDivergence: divergence.meanKl,
      layers: judgeLayers(args, store, inputs, aborted),
      warnings: warningsOf(dense.receipt, sparse.receipt),
    };
  } catch (error) {
    throw asWriteError(error, folder, space);
  } finally {
    logits.close();
    inputs.close();
  }
}

/** Throws DISK_FULL where the logits and the inputs of the layers do not fit on disk. */
function checkSpace(folder: string, spec: ModelSpec, sequences: readonly (readonly number[])[]): Space {
  const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  const neededBytes = 4 * tokens * (spec.vocabSize + spec.numLayers * spec.hiddenSize);
  const space = { neededBytes, freeBytes: freeBytes(folder) };
  if (space.freeBytes >= neededBytes) return space;
  const message = `comparing ${tokens} tokens needs ${formatBytes(neededBytes)} in ${folder}, ${formatBytes(space.freeBytes)} are free; give fewer tokens, or another \`cacheDir\``;
  throw new FlashrowError('DISK_FULL', message, { path: folder, ...space });
}

/** With options that leave the selector alone, both runs are the same. */
function warningsOf(dense: Receipt, sparse: Receipt): string[] {
  if (sparse.selector !== dense.selector) return [];
  return [
    `both runs used the selector ${dense.selector}, so nothing was compared; give \`tuning.selector\`, or \`exact: false\` where the model has predictors`,
  ];
}

/** The sequences to run: those given, or windows of the documents. */
function sequencesOf(store: Store, { text }: Arguments, contextSize: number): readonly (readonly number[])[] {
  if ('sequences' in text) return text.sequences;
  const tokenizer = loadTokenizer(store.readTokenizer(), store.text);
  const ids = text.documents.map((document) =>
    tokenizer.encode(document, { addBos: false, addEos: false, parseSpecial: false }),
  );
  return makeWindows(ids, contextSize, tokenizer.bosId);
}

type Host = Awaited<ReturnType<typeof openHost>>;

/** Loads the model with `options` for the time of `work`. */
async function withHost(
  { store, anonymousBefore }: Arguments,
  options: Arguments['options'],
  aborted: () => boolean,
  work: (host: Host) => Promise<EvaluationResult>,
): Promise<EvaluationResult> {
  const host = await openHost({ store, options, anonymousBefore }, aborted, () => {});
  try {
    return await work(host);
  } finally {
    await host.dispose();
  }
}

/** Judges the selector of the options on the first run's inputs, layer by layer. */
function judgeLayers(
  { options }: Arguments,
  store: Store,
  inputs: LayerInputFiles,
  aborted: () => boolean,
): SelectorJudgement[] {
  const { allocation, settings } = planOutline(storeOutline(store), options);
  const maxTokens = prefillChunk(store.spec);
  const bridge = openBridge({ threads: settings.threads });
  try {
    const selector = createSelector(store, bridge, allocation, maxTokens, null);
    try {
      return store.layers.map((_, layer) => {
        if (aborted()) throw new FlashrowError('ABORTED', 'the work was aborted');
        return judgeSelector(store, bridge, selector, layer, inputs.layer(layer), maxTokens);
      });
    } finally {
      selector.dispose();
    }
  } finally {
    bridge.dispose();
  }
}
