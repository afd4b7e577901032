/** Names that other engines and clients use, without case and marks, and ours. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  maxnewtokens: 'maxTokens',
  maxcompletiontokens: 'maxTokens',
  maxoutputtokens: 'maxTokens',
  npredict: 'maxTokens',
  numpredict: 'maxTokens',
  temp: 'temperature',
  repetitionpenalty: 'repeatPenalty',
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
  parallel: 'sequences',
};

/** The one of `names` that whoever wrote `written` seems to mean; null where none is near. */
export function similarName(written: string, names: readonly string[]): string | null {
  const plain = plainly(written);
  const same = names.find((name) => plainly(name) === plain) ?? names.find((name) => name === ELSEWHERE[plain]);
  if (same !== undefined) return same;
  let nearest: string | null = null;
  // A third of the letters may differ: more, and the guess would rather mislead.
  let least = Math.floor(plain.length / 3) + 1;
  for (const name of names) {
    const distance = editDistance(plain, plainly(name));
    if (distance < least) [nearest, least] = [name, distance];
  }
  return nearest;
}

const plainly = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Letters to put in, take out or replace to make `b` of `a` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++)
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
  }
  return row[b.length];
}
