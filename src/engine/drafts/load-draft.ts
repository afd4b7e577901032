import type { HeldParts } from '../../dense/held-parts.js';
import type { FewIds } from '../../draft/few-ids.js';
import { UsualIds } from '../../draft/usual-ids.js';
import { draftNeed, planDraft } from '../../plan/drafts/draft-memory.js';
import type { PlanOptions, PreparedDraft } from '../../plan/model-options.js';
import { type Outline, storeOutline } from '../../plan/outline.js';
import type { Plan } from '../../plan/plan.js';
import type { DraftNeed } from '../../plan/plan-outline.js';
import { openStore, type Store } from '../../store/reader.js';
import type { Engine } from '../engine.js';
import { createEngine, loadParts } from '../load-parts.js';
import type { Lane } from '../rounds/lane.js';
import { Ledger } from '../rounds/ledger.js';

/** A draft model that was opened, and what it needs. */
export interface OpenedDraft {
  store: Store;
  outline: Outline;
  need: DraftNeed;
}

/** ms that a token takes, and one of a text that runs in pieces. */
export interface DraftTimes {
  tokenMs: number;
  catchUpMs: number;
}

/** A draft model that is loaded. */
export interface LoadedDraft extends DraftTimes {
  engine: Engine;
  vocabSize: number;
  contextSize: number;
  hiddenSize: number;
  /** ms that the load took. */
  loadMs: number;
}

/** Tokens that are timed, one by one and in a piece. */
const TIMED = 3;
const TIMED_PIECE = 32;

/** The draft model of the options; null without one. */
export function openDraft(options: PlanOptions): OpenedDraft | null {
  if (!isPrepared(options.draft)) return null;
  const store = openStore(options.draft.store);
  const outline = storeOutline(store);
  return { store, outline, need: draftNeed(options.draft.model, outline, options) };
}

const isPrepared = (draft: PlanOptions['draft']): draft is PreparedDraft =>
  typeof draft === 'object' && 'store' in draft;

/**
 * Loads a draft model beside the model of a plan, all of it in memory. `times`: what its tokens take, if it was loaded
 * before; else they are timed. Throws as the load of any model does.
 */
export async function loadDraft(
  { store, outline }: OpenedDraft,
  options: PlanOptions,
  { contextSize }: Plan,
  held: HeldParts,
  aborted: () => boolean,
  times: DraftTimes | null = null,
): Promise<LoadedDraft> {
  const began = performance.now();
  const planned = planDraft(outline, options, contextSize);
  const parts = await loadParts(store, planned, held, aborted, () => {});
  const { stream, denseTime, feedForward } = parts;
  const ledger = new Ledger({ stream, denseTime, cacheCounts: feedForward.counts });
  const engine = createEngine(store, planned, parts, { ledger, sessions: null, given: null });
  const { vocabSize, hiddenSize } = store.spec;
  const { contextSize: tokens } = planned.plan;
  const lane = engine.lanes.begin({ aborted, account: null });
  try {
    // Brings all weights into memory: else the first answer would wait for them, and blame the draft.
    await lane.prefill([0]);
    const loadMs = performance.now() - began;
    // A block takes as many tokens at once as it has room for hidden states.
    const piece = Math.min(TIMED_PIECE, tokens, (engine.hidden?.rows.length ?? Number.POSITIVE_INFINITY) / hiddenSize);
    const { tokenMs, catchUpMs } = times ?? (await timed(lane, piece, new UsualIds(vocabSize).few));
    return { engine, vocabSize, hiddenSize, contextSize: tokens, loadMs, tokenMs, catchUpMs };
  } finally {
    lane.rewind(0);
    lane.end();
  }
}

/** What tokens take, of a draft whose weights are in memory. */
async function timed(lane: Lane, piece: number, few: FewIds | null): Promise<DraftTimes> {
  let began = performance.now();
  for (let i = 0; i < TIMED; i++) {
    lane.rewind(0);
    await lane.foretell([0], few);
  }
  const tokenMs = (performance.now() - began) / TIMED;
  lane.rewind(0);
  began = performance.now();
  await lane.prefill(new Array<number>(piece).fill(0));
  return { tokenMs, catchUpMs: (performance.now() - began) / piece };
}
