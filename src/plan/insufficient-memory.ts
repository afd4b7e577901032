import { FlashrowError } from '../errors.js';
import type { Plan } from './plan.js';

// The codes' details are declared below this room, which alone knows what a plan is.
declare module '../error-details.js' {
  interface InsufficientMemoryDetails {
    /** Where the budget would have gone: `plan.minimumBytes` would do. */
    plan?: Plan;
  }
}

/** The budget is too small. `plan.minimumBytes` is the smallest that works. */
export class InsufficientMemoryError extends FlashrowError<'INSUFFICIENT_MEMORY'> {
  /** Where the budget would have gone. */
  readonly plan: Plan;

  constructor(plan: Plan) {
    super(
      'INSUFFICIENT_MEMORY',
      `a budget of ${plan.budgetBytes} bytes is too small: resident weights (${plan.residentBytes}), state (${plan.stateBytes}), scratch (${plan.scratchBytes}) and the smallest cache take ${plan.minimumBytes}; give more \`memory\` or a smaller \`contextSize\``,
      { plan },
    );
    this.name = 'InsufficientMemoryError';
    this.plan = plan;
  }
}
