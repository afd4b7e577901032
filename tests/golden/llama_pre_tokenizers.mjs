/*
 * Writes llama-pre-tokenizers.json: the ids that llama.cpp (as in node-llama-cpp 3.22.1) makes of some texts with each
 * of its pre-tokenizers. The vocabulary has merges for all neighbours in the texts, best first in an order drawn at
 * random, so that another cut shows in the ids. Names with the same answers stand together. Those whose pattern
 * llama.cpp must approximate (src/llama-vocab.cpp quotes most originals) are left out: for them the patterns
 * of the models' own tokenizer.json count, see pre_tokenizers.py.
 *
 *     cd scratch && npm i --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
 *     node .../tests/golden/llama_pre_tokenizers.mjs > .../tests/golden/llama-pre-tokenizers.json
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { getLlama } = await import(pathToFileURL(createRequire(`${process.cwd()}/`).resolve('node-llama-cpp')));

const TEXTS = [
  "I'LL pay 12345$\n\n  ok, you'Re  late\r\n\tx = y+1;  \n",
  'Grüße, naïve Ünïcode ŁÓDŹ ΑΒΓδ Привет мир',
  '漢字とkana 한국어 テスト123 ไทย हिन्दी ภาษาไทย',
  "McDonald's ÉCOLE iPhone HTTPServer don't CAN'T we'VE",
  '(a|b)!? "q" … 。、 100,000.5 １２３ ²³ ½ ٣٤٥',
  '  leading\n\n\n\ttabs \u00a0 nbsp   ',
  'a/b//c\n/d /* x */ </s> <0x41> 🙂👍🏽 e\u0301',
  '1 12 123 1234 12345 123456 1234567 12345678 x1234 1234x 12_3456 0.12345',
  '👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🇩🇪 ☕️ ∑∫≠√2 ≤ x² ± ∞ 𝟙𝟚𝟛𝟜 𝒳',
  'क्षत्रिय नमस्ते বাংলা தமிழ் العَرَبِيَّة עִבְרִית ລາວ ខ្មែរ မြန်မာ',
  'snake_case __init__ kebab-case ALL_CAPS3 $var @x #tag %d ^ ~ `code` <a href="x">',
  `a${' '.repeat(17)}b${' '.repeat(64)}c\t\t\td \n \n  \n\n\r\n\r\n\r e \r\n f   \n`,
  "'s 'S it's IT'S l'été ’twas 'll'd 'x '''",
  'ㄅㄆ ㄱㄴ ！…“”—：；，、〿︰ ꀀꀁ ꡀ',
];
const BYTES = [
  ...['default', 'minicpm5', 'llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
  ...['jina-v5-nano', 'deepseek-llm', 'deepseek-coder', 'deepseek-v3', 'spark2_5', 'falcon', 'mpt', 'starcoder'],
  ...['gpt-2', 'phi-2', 'jina-es', 'jina-de', 'gigachat', 'jina-v2-es', 'jina-v2-de', 'a.x-4.0', 'mellum'],
  ...['modern-bert', 'jais-2', 'jina-v1-en', 'jina-v2-code', 'roberta-bpe', 'refact', 'command-r', 'qwen2'],
  ...['deepseek-r1-qwen', 'kormo', 'f2llmv2', 'qwen35', 'stablelm2', 'olmo', 'dbrx', 'smaug-bpe', 'poro-chat', 'glm4'],
  ...['chatglm-bpe', 'viking', 'jais', 'smollm', 'codeshell', 'bloom', 'gpt3-finnish', 'exaone', 'exaone4'],
  ...['exaone-moe', 'chameleon', 'minerva-7b', 'megrez', 'trillion', 'granite-docling'],
  ...['bailingmoe', 'bailingmoe2', 'llada-moe', 'seed-coder', 'hunyuan', 'hunyuan-dense', 'hy_v4', 'joyai-llm'],
  ...['ufakzeka', 'grok-2', 'afmoe', 'laguna', 'solar-open', 'mellum2'],
];
const CHARACTERS = ['gemma4', 'granite-embed-multi-311m', 'sarvam-moe'];

/** GPT-2's stand-ins for bytes (bytes_to_unicode). */
const isPrintable = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
const odd = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !isPrintable(byte));
const standIn = (byte) => String.fromCharCode(isPrintable(byte) ? byte : 0x100 + odd.indexOf(byte));
const bytesOf = (text) => [...Buffer.from(text)].map(standIn);
const charactersOf = (text) => [...text.replaceAll(' ', '▁')];

let seed = 7;
function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed;
}

function vocabularyOf(unitsOf) {
  const texts = TEXTS.map(unitsOf);
  const pairs = new Set(texts.flatMap((units) => units.slice(1).map((unit, at) => `${units[at]} ${unit}`)));
  const merges = [...pairs].map((pair) => [random(), pair]).sort(([a], [b]) => a - b).map(([, pair]) => pair);
  const joined = merges.map((pair) => pair.slice(0, pair.indexOf(' ', 1)) + pair.slice(pair.indexOf(' ', 1) + 1));
  return { tokens: [...new Set(['<bos>', '<eos>', ...texts.flat(), ...joined])], merges };
}

function gguf(metadata) {
  const parts = [];
  const u32 = (value) => parts.push(Buffer.from(Uint32Array.of(value).buffer));
  const u64 = (value) => parts.push(Buffer.from(BigUint64Array.of(BigInt(value)).buffer));
  const text = (value) => (u64(Buffer.byteLength(value)), parts.push(Buffer.from(value)));
  const value = (of) => {
    if (typeof of === 'string') return u32(8), text(of);
    if (typeof of === 'boolean') return u32(7), parts.push(Buffer.from([of ? 1 : 0]));
    if (typeof of === 'number') return u32(4), u32(of);
    u32(9);
    if (typeof of[0] === 'string') return u32(8), u64(of.length), of.forEach(text);
    return u32(5), u64(of.length), parts.push(Buffer.from(Int32Array.from(of).buffer));
  };
  const entries = Object.entries(metadata);
  parts.push(Buffer.from('GGUF'));
  u32(3), u64(0), u64(entries.length);
  for (const [key, of] of entries) text(key), value(of);
  return Buffer.concat(parts);
}

const folder = mkdtempSync(join(tmpdir(), 'pre-tokenizers-'));
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'disabled' });
async function answersOf(names, vocabulary) {
  const groups = new Map();
  for (const name of names) {
    const path = join(folder, `${name}.gguf`);
    const { tokens, merges } = vocabulary;
    const metadata = {
      'general.architecture': 'llama',
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': name,
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': tokens.map((_, id) => (id < 2 ? 3 : 1)),
      'tokenizer.ggml.merges': merges,
      'tokenizer.ggml.bos_token_id': 0,
      'tokenizer.ggml.eos_token_id': 1,
    };
    writeFileSync(path, gguf(metadata));
    const model = await llama.loadModel({ modelPath: path, gpuLayers: 0, vocabOnly: true, ignoreMemorySafetyChecks: true });
    const ids = TEXTS.map((text) => [...model._model.tokenize(text, false)]);
    const key = JSON.stringify(ids);
    if (!groups.has(key)) groups.set(key, { names: [], ids });
    groups.get(key).names.push(name);
  }
  return { ...vocabulary, answers: [...groups.values()] };
}

const bytes = await answersOf(BYTES, vocabularyOf(bytesOf));
const characters = await answersOf(CHARACTERS, vocabularyOf(charactersOf));
process.stdout.write(`${JSON.stringify({ texts: TEXTS, bytes, characters })}\n`);
process.exit(0);
