import { nearestName } from './nearest-name.js';

/** Names that other engines and clients use, without case and marks, and ours. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  maxnewtokens: 'maxTokens',
  maxcompletiontokens: 'maxTokens',
  maxoutputtokens: 'maxTokens',
  npredict: 'maxTokens',
  numpredict: 'maxTokens',
  temp: 'temperature',
  repetitionpenalty: 'repeatPenalty',
  typical: 'typicalP',
  typp: 'typicalP',
  repeatlastn: 'penaltyWindow',
  penaltylastn: 'penaltyWindow',
  drypenaltylastn: 'dryWindow',
  nprobs: 'topLogprobs',
  stopsequences: 'stop',
  stopstrings: 'stop',
  abortsignal: 'signal',
  onprefill: 'onProgress',
  special: 'addSpecial',
  addspecialtokens: 'addSpecial',
  addbos: 'addSpecial',
  context: 'contextSize',
  contextlength: 'contextSize',
  ctxsize: 'contextSize',
  nctx: 'contextSize',
  numctx: 'contextSize',
  nthreads: 'threads',
  numthreads: 'threads',
  budget: 'memory',
  memorybudget: 'memory',
  lossy: 'exact',
  chattemplate: 'template',
  nparallel: 'sequences',
  speculative: 'draft',
  draftmodel: 'draft',
  parallel: 'sequences',
};

/** The one of `names` that whoever wrote `written` seems to mean; null where none is near. */
export function similarName(written: string, names: readonly string[]): string | null {
  const plain = plainly(written);
  const same = names.find((name) => plainly(name) === plain) ?? names.find((name) => name === ELSEWHERE[plain]);
  return same ?? nearestName(written, names);
}

const plainly = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');
