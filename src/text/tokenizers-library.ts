import * as tokenizers from '@huggingface/tokenizers';

/** The parts of Hugging Face's library in use here. Its own declarations cannot be resolved as ES modules. */
interface Library {
  SequenceNormalizer: new (config: { type: 'Sequence'; normalizers: unknown[] }) => { normalize(text: string): string };
  SplitPreTokenizer: new (config: { type: 'Split'; pattern: unknown; behavior: 'Isolated' }) => { pattern: RegExp };
}

export const { SequenceNormalizer, SplitPreTokenizer } = tokenizers as unknown as Library;
