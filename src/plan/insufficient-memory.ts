import { FlashrowError } from '../errors.js';
import type { Plan } from './plan.js';

/** The budget is too small. `plan.minimumBytes` is the smallest that works. */
export class InsufficientMemoryError extends FlashrowError {
  readonly plan: Plan;

  constructor(plan: Plan) {
    super(
      'INSUFFICIENT_MEMORY',
      `a budget of ${plan.budgetBytes} bytes is too small: resident weights (${plan.residentBytes}), state (${plan.stateBytes}), scratch (${plan.scratchBytes}) and the smallest cache take ${plan.minimumBytes}; give more memory or a shorter context`,
      { plan },
    );
    this.name = 'InsufficientMemoryError';
    this.plan = plan;
  }
}
