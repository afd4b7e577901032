/** Some ids of a vocabulary: those below one, and others. */
export interface FewIds {
  readonly below: number;
  /** `MOST_OTHER_IDS` at most. */
  readonly others: readonly number[];
}

export const MOST_OTHER_IDS = 64;
