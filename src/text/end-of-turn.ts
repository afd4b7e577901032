const END_OF_TURN: readonly string[] = ['<|eot_id|>', '<|im_end|>', '<end_of_turn>', '<|end|>'];

/** Ids of the tokens that end a chat model's turn. Files with such a token rarely list it as end of sequence. */
export function endOfTurnIds(idOf: (token: string) => number | null): number[] {
  // In gpt-oss's format <|end|> ends one message of several, and <|return|> ends the turn.
  const names = idOf('<|return|>') === null ? END_OF_TURN : ['<|return|>', '<|call|>'];
  return names.map(idOf).filter((id) => id !== null);
}
