import type { DraftSource } from '../../draft/draft-source.js';
import { FormatDraft } from '../../draft/format.js';
import { Governor } from '../../draft/governor.js';
import { LookupDraft } from '../../draft/lookup.js';
import { FORESIGHT_SHARES } from '../../grammar/foresight.js';
import { mostTakenBack } from '../../mixers/state-size.js';
import { LOGIT_ROWS } from '../../model/prefill-chunk.js';
import type { ModelSpec } from '../../model/spec.js';
import type { Settings } from '../../plan/settings.js';
import type { Selector } from '../../select/selector.js';
import type { Engine } from '../engine.js';
import type { HeldDraft } from './held-draft.js';
import type { HeldShadow } from './self/held-shadow.js';
import { SelfDraft } from './self/self-draft.js';
import { Speculation } from './speculation.js';

/** Tokens of answers that a pass may have: one where a trace says what each pass reads, whatever its tokens are. */
export const mostInPass = (selector: Selector, spec: ModelSpec, engine: Pick<Engine, 'mostVerified'>): number =>
  selector.name === 'trace' ? 1 : Math.min(mostTakenBack(spec), engine.mostVerified);

/** What a model can draft by, beside what stands in the text. */
export interface DraftMeans {
  /** A small model, or the model's own block; null without one. */
  drafting: HeldDraft | null;
  /** The model's networks in few bits; null without. */
  shadow: HeldShadow | null;
  /** Whether a pass may have tokens that stand beside others. */
  takesOthers: boolean;
}

/** What foretells tokens of a model; null where nothing does. */
export function createSpeculation(
  selector: Selector,
  { draft, contextSize }: Pick<Settings, 'draft' | 'contextSize'>,
  spec: ModelSpec,
  { drafting, shadow, takesOthers }: DraftMeans,
): Speculation | null {
  // A trace says what each pass reads, whatever its tokens are.
  if (draft === 'off' || selector.name === 'trace') return null;
  const sources: DraftSource[] = [new FormatDraft(FORESIGHT_SHARES), new LookupDraft(contextSize, LOGIT_ROWS)];
  if (drafting) sources.push(drafting.source);
  else if (shadow) sources.push(new SelfDraft(spec.vocabSize, shadow));
  const memory = drafting ?? shadow;
  const rentShare = memory?.rentShare ?? 0;
  const readsGrow = selector.name !== 'all';
  const isHeld = memory?.isDrafts ?? true;
  const governor = new Governor({ mostTokens: mostTakenBack(spec), readsGrow, sources, rentShare, isHeld });
  return new Speculation({
    sources,
    governor,
    // A block that predicts further tokens knows the hidden states of tokens in a row.
    takesOthers: takesOthers && drafting?.source.name !== 'mtp',
    memory: rentShare > 0 ? memory : null,
  });
}
