import { READ_THREADS } from '../../disk/read-threads.js';
import type { MemoryLeft } from '../memory-left.js';
import type { PlanOptions } from '../model-options.js';
import type { Outline } from '../outline.js';
import { type DraftNeed, planOutline } from '../plan-outline.js';

/** Beyond any memory: a model takes of it what it can use. */
const ANY_BYTES = 2 ** 50;
/** The limits of the machine are looked at for both models together. */
const NO_LIMIT: MemoryLeft = { availableBytes: ANY_BYTES, limitBytes: null, roomBytes: null };
/** Books of a second engine, and its read threads. */
const OVERHEAD_BYTES = 6e6 + READ_THREADS * 1.2e6;

/** The plan of a draft model beside a model with these options: all of it in memory. */
export function planDraft(outline: Outline, { threads, tuning = {} }: PlanOptions, contextSize: number) {
  const options: PlanOptions = {
    ...{ threads, draft: 'off', memory: ANY_BYTES },
    contextSize: Math.min(contextSize, outline.spec.contextLength),
    tuning: { state: tuning.state, direct: tuning.direct },
  };
  return planOutline(outline, options, NO_LIMIT);
}

/** What a draft model asks of the budget of the model that it drafts for. */
export function draftNeed(model: string, outline: Outline, options: PlanOptions): DraftNeed {
  const known = new Map<number, number>();
  const bytesFor = (contextSize: number) => {
    const { plan } = planDraft(outline, options, contextSize);
    return plan.residentBytes + plan.stateBytes + plan.scratchBytes + plan.cacheBytes;
  };
  return {
    model,
    overheadBytes: OVERHEAD_BYTES,
    bytesFor(contextSize) {
      const bytes = known.get(contextSize) ?? bytesFor(contextSize);
      known.set(contextSize, bytes);
      return bytes;
    },
  };
}
