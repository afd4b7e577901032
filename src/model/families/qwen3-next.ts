import type { RowGroups } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { FusedRows } from '../expected-tensors.js';
import type { MixerPlaces } from '../recurrent-family.js';
import type { DeltaNetSpec, RecurrentSpec } from '../spec.js';
import { DELTA_QWEN, DELTA_QWEN_EXPERTS, deltaNets } from './qwen3-5.js';

/**
 * Matrices whose rows alternate by key head: `joined` holds [queries | keys | values | gates] of each, and the other
 * one [shares | steps]. A key head has as many values and gates as it has value heads.
 */
function byKeyHead({ keyHeads, valueHeads, headDim }: DeltaNetSpec, joined: boolean): FusedRows {
  const group = valueHeads / keyHeads;
  const block = (2 + 2 * group) * headDim;
  /** `count` heads of each block, from head `first` of the block on. */
  const heads = (first: number, count: number) =>
    Array.from({ length: keyHeads * count }, (_, i) => Math.floor(i / count) * block + (first + (i % count)) * headDim);
  const large = (firstRows: number[]): RowGroups => ({
    sourceRows: keyHeads * block,
    rowsPerGroup: headDim,
    firstRows,
  });
  const small = (first: number): RowGroups => ({
    sourceRows: 2 * valueHeads,
    rowsPerGroup: group,
    firstRows: Array.from({ length: keyHeads }, (_, head) => 2 * head * group + first),
  });
  return (tensor) => {
    if (tensor === 'mixerShare') return small(0);
    if (tensor === 'mixerStep') return small(group);
    if (joined && tensor === 'mixerInput') return large([...heads(0, 1), ...heads(1, 1), ...heads(2, group)]);
    return joined && tensor === 'mixerGate' ? large(heads(2 + group, group)) : null;
  };
}

/**
 * `joined` and `shares` are the names of the two matrices; `joined` is null where its parts are tensors of their own.
 */
function places(mixer: RecurrentSpec, joined: string | null, shares: string, o: string): MixerPlaces {
  return {
    names: { mixerShare: shares, mixerStep: shares, o, ...(joined && { mixerInput: joined, mixerGate: joined }) },
    rows: byKeyHead(mixer as DeltaNetSpec, joined !== null),
  };
}

/** Qwen3-Next: gated delta nets, gated attention in every fourth layer, and many small experts. */
export const qwen3Next = decoder({
  ...DELTA_QWEN,
  architecture: 'qwen3-next',
  huggingFaceClasses: ['Qwen3NextForCausalLM'],
  ggufName: 'qwen3next',
  recurrent: {
    ...deltaNets('grouped'),
    // The first files of this model joined all of a key head's rows. Later ones do so for shares and steps alone.
    gguf: (mixer, holds) =>
      places(mixer, holds('blk.0.ssm_in.weight') ? 'ssm_in.weight' : null, 'ssm_ba.weight', 'ssm_out.weight'),
    huggingFace: (mixer) =>
      places(mixer, 'linear_attn.in_proj_qkvz.weight', 'linear_attn.in_proj_ba.weight', 'linear_attn.out_proj.weight'),
  },
  experts: DELTA_QWEN_EXPERTS,
});
