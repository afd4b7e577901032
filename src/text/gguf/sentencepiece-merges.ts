import { FlashrowError } from '../../errors.js';

/**
 * SentencePiece merges the two neighbours that make the piece with the best score; among equals, the leftmost. The BPE
 * merge list for that holds every split of every piece into two pieces, best score first. Different pieces may have one
 * score (Llama 2's runs of spaces do). List order would then decide between them, not position. So `tied_merges` names
 * those stretches of the list by first and last index. loadTokenizer knows the field; other libraries ignore it. Throws
 * CORRUPT where scores are missing.
 */
export function sentencePieceMerges(
  tokens: readonly string[],
  scores: readonly number[],
  isText: (id: number) => boolean,
): { merges: [string, string][]; tied_merges: [number, number][] } {
  if (scores.length > 0 && scores.length < tokens.length) {
    throw new FlashrowError('CORRUPT', `the vocabulary has ${tokens.length} tokens and ${scores.length} scores`, {
      tokens: tokens.length,
      scores: scores.length,
    });
  }
  const ids = new Map<string, number>();
  for (let id = 0; id < tokens.length; id++) if (isText(id)) ids.set(tokens[id], id);
  const score = (id: number) => scores[id] ?? 0;

  const merges: [string, string][] = [];
  const ties: [number, number][] = [];
  let tie: { from: number; score: number; pieces: number } | null = null;
  const endTie = () => {
    if (tie && tie.pieces > 1) ties.push([tie.from, merges.length - 1]);
  };
  for (const id of [...ids.values()].sort((a, b) => score(b) - score(a) || a - b)) {
    const splits = splitsOf(tokens[id], ids);
    if (splits.length === 0) continue;
    if (tie?.score === score(id)) tie.pieces++;
    else {
      endTie();
      tie = { from: merges.length, score: score(id), pieces: 1 };
    }
    merges.push(...splits);
  }
  endTie();
  return { merges, tied_merges: ties };
}

function splitsOf(piece: string, ids: ReadonlyMap<string, number>): [string, string][] {
  const splits: [string, string][] = [];
  for (let at = 1; at < piece.length; at++) {
    const [left, right] = [piece.slice(0, at), piece.slice(at)];
    if (ids.has(left) && ids.has(right)) splits.push([left, right]);
  }
  return splits;
}
