import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openBridge } from '../../native-bridge/index.js';
import type { Progress } from '../contract/progress.js';
import type { Methods, PlainOptions, VerifyResult } from '../contract/protocol.js';
import { type DeltaResult, applyDelta as merge } from '../delta/apply-delta.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { FlashrowError } from '../errors.js';
import { resolveSource } from '../hub/resolve-source.js';
import type { ModelSpec } from '../model/spec.js';
import { draftModel } from '../plan/drafts/draft-choice.js';
import { draftNeed } from '../plan/drafts/draft-memory.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import { memoryLeft } from '../plan/memory-left.js';
import { checkpointOutline, storeOutline } from '../plan/outline.js';
import type { Plan } from '../plan/plan.js';
import { type DraftNeed, planOutline } from '../plan/plan-outline.js';
import { withForecast } from '../plan/with-forecast.js';
import { describeCopied } from '../store/copied.js';
import { planLayout } from '../store/layout.js';
import { TOKENIZER_FILE } from '../store/manifest.js';
import { isStore, openStore } from '../store/reader.js';
import { type CheckpointSource, openCheckpoint, openSource, type Source } from '../store/source.js';
import { verifyStore } from '../store/verify.js';
import { removeLeft } from '../store/write/work-folder.js';
import { type ConvertResult, writeStore } from '../store/write/writer.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import { loadableText } from '../text/vocabulary-text.js';
import { findVision } from '../vision/find-vision.js';
import { checkVocabulary, type ModelVocabulary, vocabularyOf } from './same-vocabulary.js';

/*
 * Work on files alone: it needs no engine, and can be stopped anywhere, for a conversion resumes.
 */

const BUSY_POLL_MS = 200;

type OnProgress = (progress: Progress) => void;

/** Plans from headers alone; a checkpoint is planned as the store it would become. */
export async function plan(
  { source, options, budgets, promptTokens, speeds }: Methods['plan']['args'],
  signal: AbortSignal,
): Promise<Plan[]> {
  const cacheDir = cacheDirectory(options.cacheDir);
  const opened = await openSource(resolveSource(source, options.cacheDir), cacheDir, { signal });
  const outline = opened.kind === 'store' ? storeOutline(opened.store) : checkpointOutline(opened);
  const draft = await draftOf(source, options, signal);
  // A load refuses a draft with another vocabulary, so a plan does.
  if (draft && !draft.isBlock) checkVocabulary(vocabularyIn(draft.opened), vocabularyIn(opened), draft.source);
  const known = new Map<string, number>();
  const vision = visionFor(source, options, outline.spec);
  return budgets.map((memory) => {
    const planned = planOutline(outline, { ...options, vision, memory }, memoryLeft(), draft?.need);
    return withForecast(planned, outline, { cacheDir, promptTokens, speeds, known });
  });
}

/** The draft of the options and what it needs, where that is a model, or a block of `source`; null without one. */
async function draftOf(source: string, options: PlainOptions, signal: AbortSignal): Promise<PlannedDraft | null> {
  const isBlock = options.draft === 'mtp';
  const model = isBlock ? source : draftModel(options);
  if (model === null) return null;
  const part = isBlock ? 'prediction' : 'model';
  const opened = await openNamed(model, options, { signal, part, isDraft: true });
  const outline = opened.kind === 'store' ? storeOutline(opened.store) : checkpointOutline(opened);
  const need = draftNeed(isBlock ? 'mtp' : model, outline, options);
  return { source: model, isBlock, opened, need };
}

interface PlannedDraft {
  source: string;
  isBlock: boolean;
  opened: Source;
  need: DraftNeed;
}

/** The tokens of what a source names, as its store has them. */
function vocabularyIn(opened: Source): ModelVocabulary {
  if (opened.kind === 'store') return vocabularyOf(opened.store);
  const { checkpoint } = opened;
  const path = tokenizerPath(checkpoint);
  const { tokenizer, text } = loadableText(checkpoint.vocabulary, path);
  return { tokenizer: loadTokenizer(tokenizer, text, path), vocabSize: checkpoint.spec.vocabSize };
}

const tokenizerPath = ({ kind, path }: CheckpointSource['checkpoint']): string =>
  kind === 'gguf' ? path : join(path, TOKENIZER_FILE);

/** Opens what a source names. Who named a draft, and meant one of the other words, is told them. */
async function openNamed(
  source: string,
  { cacheDir }: PlainOptions,
  { isDraft, ...how }: Parameters<typeof openSource>[2] & { isDraft: boolean },
) {
  try {
    return await openSource(resolveSource(source, cacheDir), cacheDirectory(cacheDir), how);
  } catch (error) {
    if (!isDraft) throw error;
    if (!(error instanceof FlashrowError && error.code === 'NOT_FOUND')) throw error;
    const message = `the draft ${error.message}; \`draft\` is auto, off, lookup, self, mtp, or such a model`;
    throw new FlashrowError('NOT_FOUND', message, error.details, { cause: error });
  }
}

/** The eyes that the options name, or else those that come with a source; null without any. */
const visionFor = (source: string, { vision, cacheDir }: PlainOptions, spec: ModelSpec): string | null =>
  vision === undefined ? findVision(resolveSource(source, cacheDir), spec) : vision;

/**
 * The path of a source's store, and of its eyes. Throws UNSUPPORTED for a draft of the store `draftFor` whose
 * vocabulary is another. What of a checkpoint cannot be read in place is written into the cache folder first.
 */
export async function prepare(
  { source, options, draftFor = null, part = 'model' }: Methods['prepare']['args'],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Methods['prepare']['result']> {
  const comparing = (bytes: number, totalBytes: number) =>
    onProgress({ stage: 'compare', done: bytes, total: totalBytes, unit: 'bytes' });
  for (;;) {
    const how = { signal, onBytes: comparing, part };
    const opened = await openNamed(source, options, { ...how, isDraft: draftFor !== null });
    const vision = visionFor(source, options, (opened.kind === 'store' ? opened.store : opened.checkpoint).spec);
    if (opened.kind === 'store') {
      if (draftFor !== null) checkVocabulary(vocabularyOf(opened.store), vocabularyOf(openStore(draftFor)), source);
      removeLeft(opened.store.path);
      return { store: opened.store.path, vision };
    }
    // A model that would not run is not worth converting.
    const draft = await draftOf(source, options, signal);
    const { plan } = planOutline(checkpointOutline(opened), { ...options, vision }, memoryLeft(), draft?.need);
    if (!plan.fits && draftFor === null) throw new InsufficientMemoryError(plan);
    try {
      await write(opened, { rows: 'source', dense: 'source', inPlace: true }, signal, onProgress, comparing);
      if (draftFor === null) return { store: opened.storePath, vision };
    } catch (error) {
      // Another process converts the same checkpoint, or has just done so. Its store will do.
      if (!(error instanceof FlashrowError)) throw error;
      if (error.code === 'BUSY') await setTimeout(BUSY_POLL_MS, undefined, { signal });
      else if (!(error.code === 'BAD_USAGE' && error.details.finished)) throw error;
    }
  }
}

export async function convert(
  { source, store, rows, dense }: Methods['convert']['args'],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<ConvertResult> {
  if (isStore(source)) {
    throw new FlashrowError(
      'BAD_USAGE',
      `${source} is a store already; \`convertModel()\` takes the GGUF file or Hugging Face folder it came from`,
      { source },
    );
  }
  return write(
    {
      kind: 'checkpoint',
      checkpoint: openCheckpoint(resolveSource(source, undefined)),
      storePath: store,
      damagedFile: null,
    },
    { rows, dense, inPlace: false },
    signal,
    onProgress,
  );
}

export function applyDelta(
  request: Methods['applyDelta']['args'],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<DeltaResult> {
  return merge(request, {
    signal,
    onBytes: (done, total) => onProgress({ stage: 'merge', done, total, unit: 'bytes' }),
  });
}

export function verify(
  { store }: Methods['verify']['args'],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<VerifyResult> {
  return withChecksum((crc32c) =>
    verifyStore(store, crc32c, {
      signal,
      onProgress: ({ bytes, totalBytes }) =>
        onProgress({ stage: 'verify', done: bytes, total: totalBytes, unit: 'bytes' }),
    }),
  );
}

function write(
  { checkpoint, storePath, damagedFile }: CheckpointSource,
  options: { rows: string; dense: string; inPlace: boolean },
  signal: AbortSignal,
  onProgress: OnProgress,
  onCompare?: (bytes: number, totalBytes: number) => void,
) {
  // A tokenizer that is broken is found before hours are spent on weights.
  const stored = loadableText(checkpoint.vocabulary, tokenizerPath(checkpoint));
  const layout = planLayout(checkpoint, options);
  const copied = describeCopied(layout.copied);
  return withChecksum((crc32c) =>
    writeStore(checkpoint, storePath, {
      ...options,
      stored,
      crc32c,
      signal,
      replacesDamaged: damagedFile !== null,
      remembersSource: onCompare !== undefined,
      onCompare: layout.writesMatrices ? onCompare : undefined,
      // Where no matrix is written, there is nothing to wait for.
      onProgress: layout.writesMatrices
        ? ({ bytes, totalBytes }) =>
            onProgress({
              ...{ stage: 'convert', done: bytes, total: totalBytes, unit: 'bytes' },
              ...(damagedFile && { damagedFile }),
              ...(copied && { copied }),
            })
        : undefined,
    }),
  );
}

async function withChecksum<T>(work: (crc32c: (bytes: Uint8Array, seed: number) => number) => Promise<T>): Promise<T> {
  const bridge = openBridge({ threads: 1 });
  try {
    return await work((bytes, seed) => bridge.crc32c(bytes, seed));
  } finally {
    bridge.dispose();
  }
}
