const END_OF_TURN: readonly string[] = ['<|eot_id|>', '<|im_end|>', '<end_of_turn>', '<|end|>'];

/** Tokens that chat models end their turn with; a file that has one rarely lists it as its end of sequence. */
export function endOfTurnIds(idOf: (token: string) => number | null): number[] {
  // In gpt-oss's format <|end|> ends one message of several, <|return|> the turn.
  const names = idOf('<|return|>') === null ? END_OF_TURN : ['<|return|>', '<|call|>'];
  return names.map(idOf).filter((id) => id !== null);
}
