/*
 * Files rarely list every token that ends an answer, so the names of tokens count too, as in llama.cpp
 * (src/llama-vocab.cpp, special_eog_ids).
 */

/** What ends a turn of a conversation. */
const TURN_ENDS: readonly string[] = ['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>'];
const OTHER_ENDS: readonly string[] = [
  ...['<turn|>', '<|eom_id|>', '<end_of_utterance>', '<|return|>', '<|call|>', '<|calls|>', '<|flush|>'],
  ...['<|tool_response>', '<|endoftext|>', '<|end_of_text|>', '</s>', '<eos>', '<EOT>', '_<EOT>', '[EOT]', '[EOS]'],
  ...['[e~[', '<\uff5cend\u2581of\u2581sentence\uff5c>'],
];
const ENDS: readonly string[] = [...TURN_ENDS, ...OTHER_ENDS];

/** What separates the files of a repository in a code model's prompt. A model that writes one of them begins anew. */
const FIM_PAD: readonly string[] = ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]'];
const FIM_REPO: readonly string[] = ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>'];
const FIM_SEPARATOR: readonly string[] = ['<|file_sep|>'];

const FIM_PARTS: readonly string[] = [
  ...['<|fim_prefix|>', '<fim-prefix>', '<fim_prefix>', '<\uff5cfim\u2581begin\uff5c>', '<PRE>', '\u2581<PRE>'],
  ...['<|fim_suffix|>', '<fim-suffix>', '<fim_suffix>', '<\uff5cfim\u2581hole\uff5c>', '<SUF>', '\u2581<SUF>'],
  ...['<|fim_middle|>', '<fim-middle>', '<fim_middle>', '<\uff5cfim\u2581end\uff5c>', '<MID>', '\u2581<MID>'],
  ...['<|code_prefix|>', '<|code_suffix|>', '<|code_middle|>', '<|prefix|>', '<|suffix|>', '<|middle|>'],
];

/** Tokens of these names are special, whatever type their file gives them. */
export const CONTROL_NAMES: ReadonlySet<string> = new Set([
  ...ENDS,
  ...FIM_PAD,
  ...FIM_REPO,
  ...FIM_SEPARATOR,
  ...FIM_PARTS,
]);

/** The ids that a file gives itself; null where it is silent. */
export interface NamedEnds {
  eosId: number | null;
  eotId: number | null;
  eomId: number | null;
  fimPadId: number | null;
  fimRepoId: number | null;
  fimSeparatorId: number | null;
}

type IdOf = (token: string) => number | null;

/** The ids of all tokens that end a generation from a GGUF file: EOS, the others that the file names, those by name. */
export function ggufEnds(idOf: IdOf, named: NamedEnds): number[] {
  const first = (names: readonly string[]) => names.map(idOf).find((id) => id !== null) ?? null;
  const ids = [
    ...[named.eosId, named.eotId, named.eomId],
    named.fimPadId ?? first(FIM_PAD),
    named.fimRepoId ?? first(FIM_REPO),
    named.fimSeparatorId ?? first(FIM_SEPARATOR),
    ...ENDS.map(idOf),
  ].filter((id) => id !== null);
  const kept = notEnds(idOf);
  return [...new Set(ids)].filter((id) => !kept.has(id));
}

/**
 * The ids that end a generation by name from a Hugging Face folder, beside those that it lists. A folder says which
 * tokens are special, so a name counts only there: in Gemma's vocabulary `</s>` is a tag of HTML.
 */
export function folderEnds(idOf: IdOf, isSpecial: (id: number) => boolean): number[] {
  const special = OTHER_ENDS.map(idOf).filter((id) => id !== null && isSpecial(id));
  const kept = notEnds(idOf);
  const ids = [...TURN_ENDS.map(idOf), ...special].filter((id) => id !== null && !kept.has(id));
  return [...new Set(ids as number[])];
}

/** Tokens with the name of an end which are none. */
function notEnds(idOf: IdOf): Set<number | null> {
  const has = (token: string) => idOf(token) !== null;
  const tokens: string[] = [];
  // In the formats of gpt-oss and Solar Open, <|end|> ends one message of several.
  if ((has('<|call|>') || has('<|calls|>')) && (has('<|return|>') || has('<|flush|>'))) tokens.push('<|end|>');
  // In Gemma 4's, </s> is a tag of HTML.
  if (has('<|tool_response>')) tokens.push('</s>');
  return new Set(tokens.map(idOf));
}
