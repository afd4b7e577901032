import { shown } from '../../errors.js';
import type { Fields } from '../fields.js';
import { kernelSize } from '../recurrent-family.js';
import type { Mamba2Spec } from '../spec.js';

/** Where config.json has the sizes of a Mamba-2 mixer. */
export interface Mamba2Fields {
  heads: string;
  headDim: string;
  groups: string;
  stateSize: string;
  kernel: string;
}

/** A Mamba-2 mixer from GGUF metadata. Throws CORRUPT. */
export function ggufMamba2(metadata: Fields, key: (suffix: string) => string): Mamba2Spec {
  const heads = metadata.size(key('ssm.time_step_rank'));
  const groups = metadata.size(key('ssm.group_count'));
  const inner = metadata.size(key('ssm.inner_size'));
  if (inner % heads !== 0)
    throw metadata.corrupt(key('ssm.inner_size'), `is ${inner}, which the ${heads} heads do not divide`);
  checkGroups(metadata, key('ssm.group_count'), groups, heads);
  return {
    kind: 'mamba-2',
    ...{ heads, headDim: inner / heads, groups, stateSize: metadata.size(key('ssm.state_size')) },
    kernel: kernelSize(metadata, key('ssm.conv_kernel')),
    decay: 'negated',
  };
}

/** The same from config.json. `headDim`: of a head that the file leaves open. Throws CORRUPT or UNSUPPORTED. */
export function huggingFaceMamba2(config: Fields, fields: Mamba2Fields, headDim?: number): Mamba2Spec {
  refuseStepLimit(config);
  const [heads, groups] = [config.size(fields.heads), config.size(fields.groups)];
  checkGroups(config, fields.groups, groups, heads);
  return {
    kind: 'mamba-2',
    ...{ heads, headDim: headDim ?? config.size(fields.headDim), groups, stateSize: config.size(fields.stateSize) },
    kernel: kernelSize(config, fields.kernel),
    decay: 'logarithm',
  };
}

function checkGroups(fields: Fields, key: string, groups: number, heads: number): void {
  if (heads % groups !== 0) throw fields.corrupt(key, `is ${groups}, which does not divide the ${heads} heads`);
}

/** Files write a limit that no step comes near, as infinity has no spelling in JSON. */
const NO_LIMIT = 1e9;

/**
 * Steps are not limited here, nor in llama.cpp. transformers 5 limits those of a prompt in Nemotron-H to
 * `time_step_min`, and those of single tokens not.
 */
function refuseStepLimit(config: Fields): void {
  const limit = config.raw('time_step_limit');
  if (limit === undefined) return;
  const [least, most] = Array.isArray(limit) ? limit : [null, null];
  // transformers 5 writes infinity as an object.
  const unlimited = (typeof most === 'number' && most >= NO_LIMIT) || most?.__float__ === 'Infinity';
  if (least !== 0 || !unlimited)
    throw config.unsupported('time_step_limit', `is ${shown(limit)}; only [0, infinity] is supported`);
}
