import { FlashrowError } from '../errors.js';
import { type Allocation, type AllocationRequest, spend } from './spend.js';

/** Times that memory is faster than flash: 40 against 2.5 GB/s measured, less where reads are small. */
const FLASH_WEIGHT = 16;

/** Chooses a selector and spends the budget on it. Throws UNSUPPORTED where a selector does not suit the model. */
export function allocate(request: AllocationRequest): Allocation {
  const { spec, selector, calibration } = request;
  if (selector === 'trace') return spend(request, 'trace', 'a trace is replayed');
  if (spec.experts) {
    if (selector === 'auto' || selector === 'router')
      return spend(request, 'router', 'the model itself routes each token to its experts');
    const message = `--select ${selector} does not suit a mixture of experts, whose router says what a token needs; use --select router`;
    throw new FlashrowError('UNSUPPORTED', message, { selector });
  }
  if (selector === 'auto') return choose(request);
  if (selector === 'router')
    throw new FlashrowError(
      'UNSUPPORTED',
      '--select router needs a mixture of experts, which this model is not; use --select auto',
    );
  if (selector !== 'all') {
    const unsuited = whyAllNeurons(request);
    if (unsuited) {
      const message = `--select ${selector} needs a ReLU model: ${unsuited}; use --select all`;
      throw new FlashrowError('UNSUPPORTED', message, { selector, activation: spec.activation });
    }
  }
  if (selector === 'low-rank' && calibration === null)
    throw new FlashrowError(
      'UNSUPPORTED',
      '--select low-rank needs predictors, which this model has none of; run `flashrow calibrate` on it first',
      { selector },
    );
  return spend(request, selector, 'as asked');
}

/** Why each token needs every neuron of this model; null where it does not. */
function whyAllNeurons({ spec, layers }: AllocationRequest): string | null {
  if (spec.activation !== 'relu') return `its activation is ${spec.activation}, under which every neuron counts`;
  return layers.every((layer) => layer.downOrientation === 'by-neuron')
    ? null
    : 'this store holds its down matrices by output; convert the model again';
}

/** Exact unless guessing is allowed; of those that fit, the one that is expected to read least. */
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
  const best = fitting.length > 0 ? least(fitting, readAndTouched) : least(candidates, (one) => one.minimumBytes);
  return { ...best, minimumBytes };
}

/** Bytes that a token is expected to need, those from flash for as many as memory would have given meanwhile. */
const readAndTouched = ({ bytesPerToken, touchedBytes, residentBytes }: Allocation) =>
  FLASH_WEIGHT * bytesPerToken + touchedBytes + residentBytes;

const least = (allocations: readonly Allocation[], by: (allocation: Allocation) => number): Allocation =>
  allocations.reduce((best, one) => (by(one) < by(best) ? one : best));
