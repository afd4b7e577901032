import type { ModelSpec } from '../model/spec.js';
import type { TensorFormat } from './tensor-format.js';

/**
 * A further factor of a tensor's weights: one number, or one for each matrix of a stack. GGUF has it in a tensor of its
 * own, `X.scale` beside `X.weight`. NVFP4 is made with one; files leave out those that are about 1 (llama.cpp,
 * `build_lora_mm`, pull request 19769). Products are multiplied by it, so that blocks stay as they are.
 */
export type WeightFactors = readonly number[];

/** The start of a tensor, or of a part of one, in a foreign file. */
export interface Place {
  path: string;
  offset: number;
  /** With `packed-mxfp4`: where the scales begin. `offset` is then where the nibbles begin. */
  scales?: { path: string; offset: number };
}

/** The place of one tensor's bytes in foreign files. No byte is read before somebody asks for it (tensor-bytes.ts). */
export interface CheckpointTensor extends Place {
  /** flashrow's own name (model/tensor-names.ts). */
  name: string;
  /** The name in the file, for messages. */
  sourceName: string;
  /** [rows, columns] for matrices, [length] for vectors, [experts, rows, columns] for stacks of matrices. */
  shape: number[];
  format: TensorFormat;
  /** Bytes in that format. */
  bytes: number;
  /** How the file holds each matrix. Default `rows`. See model/architecture.ts. */
  layout?: 'rows' | 'transposed' | 'packed-mxfp4';
  /** True where another tensor's rows (or values) alternate with this one's. Default false. */
  interleaved?: boolean;
  /**
   * The start of each of a tensor's parts, if they do not follow one another: matrices of a stack, groups of a
   * matrix's rows. `path` and `offset` are then those of the first part. Default: one part, the whole tensor.
   */
  parts?: readonly Place[];
  /** Bytes of each part but the last, which may have fewer. Default: parts of one size. */
  partBytes?: number;
  /** What the products of the weights are multiplied by (weight-factors.ts). Default: nothing. */
  factors?: WeightFactors;
}

/** The vocabulary of a GGUF file, under `tokenizer.ggml.*`. */
export interface GgufVocabulary {
  kind: 'gguf';
  /**
   * `llama` is SentencePiece, `gpt2` is byte-level BPE, `gemma4` is BPE of characters; `none` where the file has no
   * vocabulary. Of others no text can be read.
   */
  model: string;
  /** The pre-tokenizer of byte-level BPE (`gpt-2`, `llama-bpe`, `falcon`, ...); null where the file names none. */
  pre: string | null;
  /** Empty where the file has no vocabulary. */
  tokens: string[];
  /** Merge priorities of SentencePiece pieces; empty for BPE. */
  scores: number[];
  /** GGML token types: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Empty where none are given. */
  types: number[];
  /** Pairs written as `left right`, best first; empty for SentencePiece. */
  merges: string[];
  /** Ids of tokens by their task; null where the file names none, or one outside the vocabulary. */
  bosId: number | null;
  eosId: number | null;
  unknownId: number | null;
  /** The end of a turn, and of one message of several. */
  eotId: number | null;
  eomId: number | null;
  /** What pads and separates the files of a repository in the prompt of a code model. */
  fimPadId: number | null;
  fimRepoId: number | null;
  fimSeparatorId: number | null;
  /** Ids that are never drawn. */
  suppressedIds: number[];
  /** Null where the file does not say, as in the two fields below. */
  addBos: boolean | null;
  addEos: boolean | null;
  addSpacePrefix: boolean | null;
  chatTemplate: string | null;
  /** `general.name`. The white space that tokens take along goes by it. */
  name: string | null;
  /** Sampling that the file advises: the keys under `general.sampling.`, without that. */
  sampling: Record<string, unknown>;
  /** What is wrong in the vocabulary and was put right, in sentences. */
  warnings: string[];
}

/** The vocabulary of a Hugging Face folder. */
export interface HuggingFaceVocabulary {
  kind: 'huggingface';
  /** tokenizer.json, parsed. */
  tokenizer: Record<string, unknown>;
  /** tokenizer_config.json, parsed; empty where absent. */
  config: Record<string, unknown>;
  /** Ids from config.json, and end ids from generation_config.json. They count where the tokenizer does not say. */
  bosId: number | null;
  eosIds: number[];
  /** Rows of the embedding, by config.json; null where it does not say. */
  vocabSize: number | null;
  /** generation_config.json, parsed; null where absent. */
  generationConfig: Record<string, unknown> | null;
  chatTemplate: string | null;
}

export type Vocabulary = GgufVocabulary | HuggingFaceVocabulary;

/** What of a checkpoint: the model, or its first block that predicts further tokens, as a model of its own. */
export type CheckpointPart = 'model' | 'prediction';

/** An open foreign checkpoint. Headers are read and checked, and the data is untouched. */
export interface Checkpoint {
  kind: 'gguf' | 'huggingface';
  /** The file or folder it came from. */
  path: string;
  /** Every file that holds tensors. `headerBytes` bytes come before its data. */
  files: { path: string; bytes: number; headerBytes: number }[];
  /**
   * Hex SHA-256 of the headers and other small files, the files' sizes and a sample of each tensor's bytes. It shows
   * that a source was swapped during a half-done conversion, even for a fine-tune of the same model.
   */
  digest: string;
  spec: ModelSpec;
  /** By flashrow's own names. Complete for the spec, and all shapes are right. */
  tensors: ReadonlyMap<string, CheckpointTensor>;
  vocabulary: Vocabulary;
}
