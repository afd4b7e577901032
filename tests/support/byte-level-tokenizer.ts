/** A tokenizer.json: byte-level, with a single character for each of `size` ids, at most 94. */
export const byteLevelTokenizer = (size: number) => ({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(Array.from({ length: size }, (_, id) => [String.fromCharCode(33 + id), id])),
    merges: [],
  },
});
