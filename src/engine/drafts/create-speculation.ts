import { Governor } from '../../draft/governor.js';
import { LookupDraft } from '../../draft/lookup.js';
import { LOGIT_ROWS } from '../../model/prefill-chunk.js';
import type { Settings } from '../../plan/settings.js';
import type { Selector } from '../../select/selector.js';
import { Speculation } from './speculation.js';

/** What foretells tokens of a model; null where nothing does. */
export function createSpeculation(
  selector: Selector,
  { draft, contextSize }: Pick<Settings, 'draft' | 'contextSize'>,
): Speculation | null {
  // A trace says what each pass reads, whatever its tokens are.
  if (draft === 'off' || selector.name === 'trace') return null;
  const source = new LookupDraft(contextSize, LOGIT_ROWS);
  const { usualShares } = source;
  return new Speculation(
    source,
    new Governor({ mostTokens: LOGIT_ROWS, readsGrow: selector.name !== 'all', usualShares, usualCost: 0 }),
  );
}
