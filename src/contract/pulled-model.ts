import type { Plan } from '../plan/plan.js';

/** What a pull takes, known before the weights are fetched. */
export interface PlannedPull {
  /** The model's name, as `loadModel` takes it afterwards: `organization/repository`, or with `:tag`. */
  name: string;
  /** The files of the model, each with its path in the repository and its bytes. */
  files: { path: string; bytes: number }[];
  /** Bytes of all files. */
  bytes: number;
  /** The bytes of them that an earlier pull left here. */
  bytesAtHand: number;
  /** Where the budget of the options would go; `plan.fits` is false where the model would not run in it. */
  plan: Plan;
}

/** A model that was pulled. */
export interface PulledModel extends PlannedPull {
  /** The model's file or folder. With `dryRun` it is where that would be. */
  path: string;
  /** Bytes that came this time. */
  fetchedBytes: number;
  /** Time taken, seconds. */
  seconds: number;
}
