import { FlashrowError, shown } from '../errors.js';
import type { DraftChoice } from './model-options.js';

/** What foretells tokens, with the default in place. */
export type Draft = Exclude<DraftChoice, 'auto'>;

const CHOICES = ['auto', 'off', 'lookup'] as const;
/** Known by name, and not there. */
const MISSING: readonly unknown[] = ['self', 'mtp'];

/** Throws BAD_USAGE, and UNSUPPORTED for drafts that do not exist yet. */
export function chosenDraft(choice: DraftChoice = 'auto'): Draft {
  const known = CHOICES.find((name) => name === choice);
  if (known !== undefined) return known === 'auto' ? 'lookup' : known;
  const names = `${CHOICES.slice(0, -1).join(', ')} or ${CHOICES.at(-1)}`;
  if (MISSING.includes(choice))
    throw new FlashrowError('UNSUPPORTED', `draft ${shown(choice)} does not exist yet; draft is ${names}`, {
      option: 'draft',
      supported: CHOICES,
    });
  throw new FlashrowError('BAD_USAGE', `draft is ${names}, not ${shown(choice)}`, { option: 'draft' });
}
