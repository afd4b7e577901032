import { FlashrowError } from '../errors.js';
import type { Allocation, AllocationRequest } from './allocation.js';
import { spend } from './spend.js';

/**
 * How many times faster memory is than flash: 40 against 2.5 GB/s measured. The factor is lower where reads are small.
 */
const FLASH_WEIGHT = 16;

/**
 * Chooses a selector and spends the budget on it. Throws UNSUPPORTED where the selector asked for does not suit the
 * model.
 */
export function allocate(request: AllocationRequest): Allocation {
  const { spec, selector, calibration } = request;
  if (selector === 'trace') return spend(request, 'trace', 'a trace is replayed');
  if (spec.experts) {
    if (selector === 'auto' || selector === 'router')
      return spend(request, 'router', 'the model itself routes each token to its experts');
    throw unsuited(
      selector,
      `the selector ${selector} does not suit a mixture of experts, whose router says what a token needs; set \`tuning.selector\` to router or auto`,
    );
  }
  if (selector === 'auto') return choose(request);
  if (selector === 'router')
    throw unsuited(
      selector,
      'the selector router needs a mixture of experts, and this model is none; set `tuning.selector` to auto',
    );
  if (selector !== 'all') {
    const reason = whyAllNeurons(request);
    if (reason)
      throw unsuited(
        selector,
        `the selector ${selector} needs a ReLU model: ${reason}; set \`tuning.selector\` to all or auto`,
        {
          activation: spec.activation,
        },
      );
  }
  if (selector === 'low-rank' && calibration === null)
    throw unsuited(
      selector,
      'the selector low-rank needs predictors, and this model has none; run `calibrateStore()` on it first',
    );
  return spend(request, selector, 'as asked');
}

const unsuited = (selector: string, message: string, details = {}) =>
  new FlashrowError('UNSUPPORTED', message, { option: 'tuning.selector', selector, ...details });

/** Why each token needs every neuron of this model; null where it does not. */
function whyAllNeurons({ spec, layers }: AllocationRequest): string | null {
  if (spec.activation !== 'relu') return `its activation is ${spec.activation}, under which every neuron counts`;
  return layers.every((layer) => layer.downOrientation === 'by-neuron')
    ? null
    : 'this store holds its down matrices by output; convert the model again';
}

/**
 * Chooses an exact selector, unless the caller permits guessing. Among those that fit, the one wins that is expected to
 * read least.
 */
function choose(request: AllocationRequest): Allocation {
  if (whyAllNeurons(request)) return spend(request, 'all', `every row counts under ${request.spec.activation}`);
  const candidates = [
    spend(request, 'gate', 'ReLU: the resident gate tells exactly which rows are active'),
    spend(request, 'all', 'the gate rows do not fit the budget'),
  ];
  if (request.lossy && request.calibration)
    candidates.push(spend(request, 'low-rank', 'predictors read less than the exact selectors would'));
  const minimumBytes = Math.min(...candidates.map((candidate) => candidate.minimumBytes));
  const fitting = candidates.filter(({ fits }) => fits);
  const best =
    fitting.length > 0 ? smallestBy(fitting, costOfToken) : smallestBy(candidates, (one) => one.minimumBytes);
  return { ...best, minimumBytes };
}

/**
 * Bytes that a token is expected to need from memory. A byte from flash counts as the bytes that memory gives in the
 * same time.
 */
const costOfToken = ({ bytesPerToken, touchedBytes, residentBytes, denseStreamedBytes }: Allocation) =>
  FLASH_WEIGHT * bytesPerToken + touchedBytes + residentBytes + denseStreamedBytes;

const smallestBy = (allocations: readonly Allocation[], figure: (allocation: Allocation) => number): Allocation =>
  allocations.reduce((best, one) => (figure(one) < figure(best) ? one : best));
