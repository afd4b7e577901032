import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openBridge } from '../../../../native-bridge/index.js';
import type { Methods } from '../../../contract/protocol.js';
import { type Lock, takeLock } from '../../../disk/lock.js';
import { FlashrowError } from '../../../errors.js';
import { shadowShape } from '../../../plan/drafts/shadow.js';
import { storeOutline } from '../../../plan/outline.js';
import { planOutline } from '../../../plan/plan-outline.js';
import { TOKENIZER_FILE } from '../../../store/manifest.js';
import { openStore, type Store } from '../../../store/reader.js';
import { loadTokenizer } from '../../../text/bpe-tokenizer.js';
import { openHost } from '../../open-host.js';
import { asShadowError, makeShadow, type SeenInputs } from './make-shadow.js';
import { SAMPLE_TEXT } from './sample-text.js';
import { hasShadow } from './shadow-file.js';

type Arguments = Methods['prepareSelf']['args'];

/** Tokens of the sample that run at most. */
const MOST_TOKENS = 192;
const LOCK_FILE = 'self-draft.lock';
const BUSY_POLL_MS = 200;

/**
 * Writes the shadow of a store beside it, where a plan asks for one and none is there that is whole and the store's
 * own. The model runs a sample first, within its budget, and is gone again before the shadow is made, layer by layer.
 * Throws what a load throws, and DISK_FULL or NOT_WRITABLE.
 */
export async function prepareShadow(
  { store: path, options, anonymousBefore }: Arguments,
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
): Promise<void> {
  const store = openStore(path);
  const { shadow, settings } = planOutline(storeOutline(store), options);
  if (shadow.blocks === 0) return;
  const { threads } = settings;
  if (isThere(store, threads)) return;
  const lock = await lockWhenFree(join(path, LOCK_FILE), aborted);
  try {
    // Another process may just have made it.
    if (!isThere(store, threads)) await make(store, { options, anonymousBefore, threads }, aborted, onEvent);
  } finally {
    lock.release();
  }
}

function isThere(store: Store, threads: number): boolean {
  const reader = openBridge({ threads });
  try {
    return hasShadow(store.path, shadowShape(store.spec), reader);
  } finally {
    reader.dispose();
  }
}

/** Waits while another process makes the same shadow. Throws ABORTED, NOT_WRITABLE or IO. */
async function lockWhenFree(path: string, aborted: () => boolean): Promise<Lock> {
  for (;;) {
    if (aborted()) throw new FlashrowError('ABORTED', 'loading was aborted');
    try {
      return takeLock(path, 'making the draft of this model');
    } catch (error) {
      if (!(error instanceof FlashrowError && error.code === 'BUSY')) throw asShadowError(error, path);
    }
    await setTimeout(BUSY_POLL_MS);
  }
}

async function make(
  store: Store,
  { options, anonymousBefore, threads }: Pick<Arguments, 'options' | 'anonymousBefore'> & { threads: number },
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
): Promise<void> {
  const seen = await runSample(store, { ...options, draft: 'off' }, anonymousBefore, aborted);
  const bridge = openBridge({ threads });
  const total = store.spec.numLayers;
  try {
    makeShadow(store, bridge, seen, aborted, (done) => onEvent({ stage: 'draft', done, total, unit: 'layers' }));
  } finally {
    bridge.dispose();
  }
}

/** What each layer's network reads of the sample. */
async function runSample(
  store: Store,
  options: Arguments['options'],
  anonymousBefore: number,
  aborted: () => boolean,
): Promise<SeenInputs[]> {
  const host = await openHost({ store: store.path, options, anonymousBefore }, aborted, () => {});
  try {
    const { hiddenSize, numLayers } = store.spec;
    const ids = sampleIds(store).slice(0, Math.min(MOST_TOKENS, host.info.contextSize));
    const seen = Array.from({ length: numLayers }, (): SeenInputs => {
      return { x: new Float32Array(ids.length * hiddenSize), tokens: 0 };
    });
    await host.observe(ids, aborted, (layer, x, tokens) => {
      const of = seen[layer];
      of.x.set(x.subarray(0, tokens * hiddenSize), of.tokens * hiddenSize);
      of.tokens += tokens;
    });
    return seen;
  } finally {
    await host.dispose();
  }
}

function sampleIds(store: Store): number[] {
  const { vocabSize } = store.spec;
  // Without a vocabulary no text is known.
  if (store.text.idsOnly !== undefined) return Array.from({ length: 64 }, (_, i) => (i * 37 + 1) % vocabSize);
  const tokenizer = loadTokenizer(store.readTokenizer(), store.text, join(store.path, TOKENIZER_FILE));
  return [...tokenizer.encode(SAMPLE_TEXT, { addBos: store.text.addBos, addEos: false, parseSpecial: false })];
}
