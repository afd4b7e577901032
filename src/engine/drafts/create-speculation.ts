import type { DraftSource } from '../../draft/draft-source.js';
import { Governor } from '../../draft/governor.js';
import { LookupDraft } from '../../draft/lookup.js';
import { STEPS_KEPT } from '../../mixers/state-size.js';
import { LOGIT_ROWS } from '../../model/prefill-chunk.js';
import type { Settings } from '../../plan/settings.js';
import type { Selector } from '../../select/selector.js';
import type { HeldDraft } from './held-draft.js';
import { Speculation } from './speculation.js';

/** A state of fixed size goes back by as many tokens. */
const MOST_TOKENS = Math.min(LOGIT_ROWS, STEPS_KEPT);

/**
 * What foretells tokens of a model; null where nothing does. `model`: a small model that drafts. `rentShare`: the share
 * of the bytes of a pass that its memory would save if the cache had it; 0 where the cache cannot have it.
 */
export function createSpeculation(
  selector: Selector,
  { draft, contextSize }: Pick<Settings, 'draft' | 'contextSize'>,
  model: HeldDraft | null,
  rentShare: number,
): Speculation | null {
  // A trace says what each pass reads, whatever its tokens are.
  if (draft === 'off' || selector.name === 'trace') return null;
  const sources: DraftSource[] = [new LookupDraft(contextSize, MOST_TOKENS)];
  if (model) sources.push(model.source);
  const readsGrow = selector.name !== 'all';
  const governor = new Governor({ mostTokens: MOST_TOKENS, readsGrow, sources, rentShare });
  return new Speculation({ sources, governor, memory: rentShare > 0 ? model : null });
}
