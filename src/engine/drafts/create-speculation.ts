import type { DraftSource } from '../../draft/draft-source.js';
import { Governor } from '../../draft/governor.js';
import { LookupDraft } from '../../draft/lookup.js';
import { STEPS_KEPT } from '../../mixers/state-size.js';
import { LOGIT_ROWS } from '../../model/prefill-chunk.js';
import type { ModelSpec } from '../../model/spec.js';
import type { Settings } from '../../plan/settings.js';
import type { Selector } from '../../select/selector.js';
import { BlockDraft } from './block-draft.js';
import type { LoadedDraft } from './load-draft.js';
import { ModelDraft } from './model-draft.js';
import { SelfDraft } from './self/self-draft.js';
import { Speculation } from './speculation.js';

/** A state of fixed size goes back by as many tokens. */
const MOST_TOKENS = Math.min(LOGIT_ROWS, STEPS_KEPT);
/** What a token of a draft model takes beside one of the model, before it was timed. */
const USUAL_COST = 0.1;
/** The same of a draft of the model itself, which reads nothing. */
const USUAL_SELF_COST = 0.25;

/** What foretells tokens of a model; null where nothing does. */
export function createSpeculation(
  selector: Selector,
  { draft, contextSize }: Pick<Settings, 'draft' | 'contextSize'>,
  { vocabSize: targetVocabSize }: ModelSpec,
  model: LoadedDraft | null,
  hasShadow: boolean,
): Speculation | null {
  // A trace says what each pass reads, whatever its tokens are.
  if (draft === 'off' || selector.name === 'trace' || (draft === 'self' && !hasShadow)) return null;
  const source = hasShadow ? new SelfDraft(targetVocabSize) : sourceOf(contextSize, targetVocabSize, model);
  const { usualShares } = source;
  const readsGrow = selector.name !== 'all';
  return new Speculation(
    source,
    new Governor({
      mostTokens: MOST_TOKENS,
      readsGrow,
      usualShares,
      usualCost: hasShadow ? USUAL_SELF_COST : model ? USUAL_COST : 0,
    }),
  );
}

function sourceOf(contextSize: number, targetVocabSize: number, model: LoadedDraft | null): DraftSource {
  if (!model) return new LookupDraft(contextSize, MOST_TOKENS);
  return model.engine.hidden ? new BlockDraft(model) : new ModelDraft({ ...model, targetVocabSize });
}
