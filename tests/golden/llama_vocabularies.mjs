/*
 * Writes llama-vocabularies.json: small GGUF vocabularies, and what llama.cpp (as in node-llama-cpp 3.22.1) makes of
 * them: whether BOS is added and which it is, the tokens that end a generation, and the ids of some texts, with special
 * tokens parsed and without.
 *
 *     cd scratch && npm i --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
 *     node .../tests/golden/llama_vocabularies.mjs > .../tests/golden/llama-vocabularies.json
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { getLlama } = await import(pathToFileURL(createRequire(`${process.cwd()}/`).resolve('node-llama-cpp')));

const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 2, 3, 4, 6];
const LETTERS = [...'abcdefghij'];

/** Byte-level BPE: letters, `extra` as control tokens, then what `more` says. */
const byteLevel = (extra, more = {}) => ({
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'gpt-2',
  'tokenizer.ggml.tokens': [...LETTERS, ...extra, 'ab', 'abc', 'Ċ', 'Ġ', '<', '>', '|'],
  'tokenizer.ggml.token_type': [...LETTERS.map(() => NORMAL), ...extra.map(() => CONTROL), ...new Array(7).fill(NORMAL)],
  'tokenizer.ggml.merges': ['a b', 'ab c'],
  ...more,
});

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
/** SentencePiece: three special tokens, bytes, letters, `extra` as control tokens. */
const sentencePiece = (extra, more = {}) => {
  const tokens = ['<unk>', '<s>', '</s>', ...BYTES, '▁', 'H', 'i', ...extra];
  const types = [UNKNOWN, CONTROL, CONTROL, ...BYTES.map(() => BYTE), NORMAL, NORMAL, NORMAL, ...extra.map(() => CONTROL)];
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.scores': tokens.map((_, id) => -id - 0.5),
    'tokenizer.ggml.token_type': types,
    ...more,
  };
};
const ids = (values) =>
  Object.fromEntries(Object.entries(values).map(([name, id]) => [`tokenizer.ggml.${name}_token_id`, id]));

const PRE_TOKENIZERS = [
  ...['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2', 'tekken', 'default'],
  ...['gpt-2', 'falcon', 'starcoder', 'dbrx', 'glm4', 'qwen2', 'qwen35', 'gpt-4o', 'llama4', 'deepseek-v3', 'smollm'],
];
const ENDS = [
  ...['<|eot_id|>', '<|im_end|>', '<|end|>', '<|return|>', '<|call|>', '<|flush|>', '<|calls|>', '<end_of_turn>'],
  ...['<|endoftext|>', '</s>', '<|eom_id|>', '<EOT>', '_<EOT>', '[EOT]', '[EOS]', '<|end_of_text|>'],
  ...['<end_of_utterance>', '<eos>', '<turn|>', '<|tool_response>', '<｜end▁of▁sentence｜>', '[e~['],
  ...['<|fim_pad|>', '<PAD>', '[PAD]', '<|fim_repo|>', '<|repo_name|>', '<reponame>', '<|file_sep|>'],
  ...['<|fim_prefix|>', '<|tool|>', '<|im_start|>', '<file_sep>', '<pad>', '<|start|>', '<|channel|>'],
];
const TEXTS = ['abcab', 'a <|end|>b', 'axyb', 'qra'];
const PHI = ['<|user|>\nHi<|end|>\n<|assistant|>', '<s> Hi</s>\n i<|endoftext|> H <|end|>\n'];
const phi = (name) =>
  sentencePiece(['<|user|>', '<|assistant|>', '<|end|>', '<|endoftext|>'], {
    'general.name': name,
    ...ids({ bos: 1, eos: 266, unknown: 0 }),
  });

const VOCABULARIES = [
  ...PRE_TOKENIZERS.map((pre) => [
    `pre-tokenizer ${pre}`,
    byteLevel(['<bos>', '<eot>'], { 'tokenizer.ggml.pre': pre, ...ids({ bos: 10, eos: 11 }) }),
  ]),
  ['llama-bpe that says no', byteLevel(['<bos>', '<eot>'], { 'tokenizer.ggml.pre': 'llama-bpe', 'tokenizer.ggml.add_bos_token': false, ...ids({ bos: 10, eos: 11 }) })],
  ['BOS that the file names not', byteLevel(['<x>', '<y>', '<z>'], { 'tokenizer.ggml.pre': 'llama-bpe' })],
  ['BOS outside the vocabulary', byteLevel(['<x>', '<y>'], { 'tokenizer.ggml.pre': 'tekken', ...ids({ bos: 19, eos: 19 }) })],
  ...ENDS.map((end) => [`end ${end}`, byteLevel(['<bos>', '<eos of the file>', end], ids({ bos: 10, eos: 11 }))]),
  ['ends by id', byteLevel(['<x>', '<y>', '<eot here>', '<eom here>', '<pad>', '<rep>', '<sep>'], ids({ eos: 11, eot: 12, eom: 13, fim_pad: 14, fim_rep: 15, fim_sep: 16 }))],
  ['ends of gpt-oss', byteLevel(['<|end|>', '<|return|>', '<|call|>', '<|endoftext|>', '<|start|>'], ids({ eos: 11 }))],
  ['ends of Solar Open', byteLevel(['<|end|>', '<|flush|>', '<|calls|>', '<|endoftext|>'], ids({ eos: 13 }))],
  ['ends with <|return|> alone', byteLevel(['<|end|>', '<|return|>'], ids({ eos: 11 }))],
  ['ends of Gemma 4', byteLevel(['</s>', '<turn|>', '<|tool_response>', '<eos>'], ids({ eos: 13 }))],
  ['merges without a result', byteLevel(['x', 'y'], { 'tokenizer.ggml.token_type': new Array(19).fill(NORMAL), 'tokenizer.ggml.merges': ['x y', 'a b'], ...ids({ eos: 11 }) })],
  ['merges without a part', byteLevel(['x', 'y'], { 'tokenizer.ggml.token_type': new Array(19).fill(NORMAL), 'tokenizer.ggml.merges': ['q r', 'a b', 'x y'], ...ids({ eos: 11 }) })],
  ['a merge through a text that is no token', byteLevel(['x', 'axyb'], { 'tokenizer.ggml.token_type': new Array(19).fill(NORMAL), 'tokenizer.ggml.merges': ['x y', 'a xy', 'axy b'], ...ids({ eos: 11 }) })],
  ['types for one token more', byteLevel(['<x>', '<y>'], { 'tokenizer.ggml.token_type': new Array(20).fill(NORMAL), ...ids({ eos: 11 }) })],
  ['SentencePiece that names nothing', sentencePiece(['<|end|>'])],
  ['SentencePiece without types', { ...sentencePiece([]), 'tokenizer.ggml.token_type': undefined }],
  ['SentencePiece with ids outside', sentencePiece([], ids({ bos: 999, eos: 999, unknown: 999 }))],
  ...['Phi3', 'Phi-3-mini-4k-instruct', 'PHI-3.5 MoE', 'Phi 3 Mini', 'Llama'].map((name) => [`white space of ${name}`, phi(name), PHI]),
];

function gguf(metadata) {
  const parts = [];
  const u32 = (value) => parts.push(Buffer.from(Uint32Array.of(value).buffer));
  const u64 = (value) => parts.push(Buffer.from(BigUint64Array.of(BigInt(value)).buffer));
  const text = (value) => (u64(Buffer.byteLength(value)), parts.push(Buffer.from(value)));
  const value = (key, of) => {
    if (typeof of === 'string') return u32(8), text(of);
    if (typeof of === 'boolean') return u32(7), parts.push(Buffer.from([of ? 1 : 0]));
    if (typeof of === 'number') return u32(4), u32(of);
    u32(9);
    if (typeof of[0] === 'string') return u32(8), u64(of.length), of.forEach(text);
    const floats = key.endsWith('scores');
    u32(floats ? 6 : 5), u64(of.length);
    return parts.push(Buffer.from((floats ? Float32Array : Int32Array).from(of).buffer));
  };
  const entries = Object.entries(metadata).filter(([, of]) => of !== undefined);
  parts.push(Buffer.from('GGUF'));
  u32(3), u64(0), u64(entries.length);
  for (const [key, of] of entries) text(key), value(key, of);
  return Buffer.concat(parts);
}

const folder = mkdtempSync(join(tmpdir(), 'vocabularies-'));
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'disabled' });
const results = [];
for (const [name, metadata, texts = TEXTS] of VOCABULARIES) {
  const path = join(folder, `${results.length}.gguf`);
  writeFileSync(path, gguf({ 'general.architecture': 'llama', ...metadata }));
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0, vocabOnly: true, ignoreMemorySafetyChecks: true });
  const { bos, shouldPrependBosToken } = model.tokens;
  const tokens = metadata['tokenizer.ggml.tokens'];
  results.push({
    name,
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, of]) => of !== undefined)),
    addBos: shouldPrependBosToken,
    bosId: bos,
    ends: [...tokens.keys()].filter((id) => model.isEogToken(id)),
    texts: texts.map((text) => [text, [...model._model.tokenize(text, true)], [...model._model.tokenize(text, false)]]),
  });
}
process.stdout.write(`[\n${results.map((result) => JSON.stringify(result)).join(',\n')}\n]\n`);
process.exit(0);
