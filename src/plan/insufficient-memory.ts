import { FlashrowError } from '../errors.js';
import type { Plan } from './plan.js';

// The codes' details are declared below this room, which alone knows what a plan is.
declare module '../error-details.js' {
  interface InsufficientMemoryDetails {
    /** Where the budget would have gone: `plan.minimumBytes` would do. */
    plan?: Plan;
  }
}

/** The budget is too small, or more than a container allows. `plan.minimumBytes` is the smallest that works. */
export class InsufficientMemoryError extends FlashrowError<'INSUFFICIENT_MEMORY'> {
  readonly plan: Plan;

  constructor(plan: Plan) {
    super('INSUFFICIENT_MEMORY', plan.obstacle ?? 'the plan does not fit', { plan });
    this.name = 'InsufficientMemoryError';
    this.plan = plan;
  }
}
