import { FlashrowError, shown } from '../../errors.js';
import type { DraftChoice, PlanOptions, PreparedDraft } from '../model-options.js';

/** What foretells tokens, with the default in place. */
export type Draft = 'off' | 'lookup' | 'mtp' | 'self' | { model: string };

const CHOICES = ['auto', 'off', 'lookup', 'self', 'mtp'] as const;
const ACCEPTED = 'auto, off, lookup, self, mtp, or { model } with the path of a model';

/** Throws BAD_USAGE. */
export function chosenDraft(choice: DraftChoice | PreparedDraft = 'auto'): Draft {
  if (isDraftModel(choice)) return choice;
  const known = CHOICES.find((name) => name === choice);
  if (known !== undefined) return known === 'auto' ? 'lookup' : known;
  throw new FlashrowError('BAD_USAGE', `draft is ${ACCEPTED}, not ${shown(choice)}`, { option: 'draft' });
}

/** Whether a choice names a model. */
export const isDraftModel = (choice: unknown): choice is { model: string } =>
  typeof choice === 'object' && choice !== null && typeof (choice as { model?: unknown }).model === 'string';

/** The model that drafts; null where none does. */
export const draftModel = ({ draft }: PlanOptions): string | null => (isDraftModel(draft) ? draft.model : null);
