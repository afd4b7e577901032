import { FlashrowError } from '../errors.js';
import type { Plan } from './plan.js';

/** The budget is below the smallest that works, which `plan.minimumBytes` says. */
export class InsufficientMemoryError extends FlashrowError {
  readonly plan: Plan;

  constructor(plan: Plan) {
    super(
      'INSUFFICIENT_MEMORY',
      `a budget of ${plan.budgetBytes} bytes is too small: resident weights (${plan.residentBytes}), state (${plan.stateBytes}), scratch (${plan.scratchBytes}) and the smallest cache come to ${plan.minimumBytes}; raise the memory or shorten the context`,
      { plan },
    );
    this.name = 'InsufficientMemoryError';
    this.plan = plan;
  }
}
