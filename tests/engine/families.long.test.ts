import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { convertModel, loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { byteLevelTokenizer } from '../support/byte-level-tokenizer.js';
import { safetensors, type TensorHeader } from '../support/tiny-hugging-face.js';

/** What golden/families.py computed. */
interface Golden {
  config: Record<string, unknown> & { hidden_size: number; activation?: string };
  /** Whole numbers of a byte each where the name ends in _blocks or _scales. */
  tensors: { name: string; shape: number[]; scale: number; shift: number }[];
  ids: number[];
  lnp: number[][];
  prompt: number[];
  greedy: number[];
}

const goldens = JSON.parse(readFileSync(new URL('../golden/families.json', import.meta.url), 'utf8')) as Record<
  string,
  Golden
>;
const scratch = mkdtempSync(join(tmpdir(), 'flashrow-families-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The checkpoint that the reference ran on: the same generator, the same order. */
function writeCheckpoint(name: string, { config, tensors }: Golden): string {
  const folder = join(scratch, name.replace(/\W+/g, '-'));
  mkdirSync(folder);
  const header: TensorHeader = {};
  const parts: Buffer[] = [];
  let end = 0;
  for (const [index, { name: tensor, shape, scale, shift }] of tensors.entries()) {
    const isBytes = /_(blocks|scales)$/.test(tensor);
    const values = new (isBytes ? Uint8Array : Float32Array)(shape.reduce((a, b) => a * b));
    let state = index + 1;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = isBytes ? ((state >>> 8) % scale) + shift : ((state >>> 8) / 2 ** 24 - 0.5) * scale + shift;
    }
    header[tensor] = { dtype: isBytes ? 'U8' : 'F32', shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
    parts.push(Buffer.from(values.buffer));
  }
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([safetensors(header, 0), ...parts]));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(byteLevelTokenizer(64)));
  return folder;
}

async function results(source: string, options: ModelOptions, { ids, prompt }: Golden) {
  const model = await loadModel(source, { cacheDir: scratch, ...options });
  try {
    const { tokens, receipt } = await model.generate(prompt, { maxTokens: 20, ignoreEos: true }).result;
    return { rows: await model.logprobs(ids, 64), tokens, selector: receipt.selector };
  } finally {
    await model.dispose();
  }
}

describe.each(Object.entries(goldens))('%s', (name, golden) => {
  const folder = writeCheckpoint(name, golden);
  const relu = name.startsWith('opt') || golden.config.activation === 'relu';
  const mixture = golden.config.num_local_experts !== undefined;
  const ways: [string, ModelOptions][] = [
    ['as it comes', {}],
    ['with keys and values in f32', { tuning: { state: 'f32' } }],
    ['on one thread', { threads: 1 }],
  ];
  if (!mixture) ways.push(['with every row', { tuning: { selector: 'all' } }]);

  it.each(ways)('gives the reference probabilities and text, %s', async (_, options) => {
    const { rows, tokens, selector } = await results(folder, options, golden);
    // Keys and values of 16 bits cost most of what is lost, and the inputs of MXFP4, of 16 bits as well.
    const tolerance = options.tuning?.state === 'f32' && !golden.config.quantization_config ? 1e-4 : 1e-3;
    expect(selector).toBe(mixture ? 'router' : relu && !options.tuning?.selector ? 'gate' : 'all');
    rows.forEach((row, i) => {
      for (const [id, lnp] of row) expect(Math.abs(lnp - golden.lnp[i][id])).toBeLessThan(tolerance);
    });
    expect(tokens).toEqual(golden.greedy);
  });

  it('writes the same at the smallest budget', async () => {
    const selectors = mixture ? (['router'] as const) : relu ? (['all', 'gate'] as const) : (['all'] as const);
    for (const selector of selectors) {
      const options = { cacheDir: scratch, tuning: { selector } };
      const { minimumBytes } = await planModel(folder, { ...options, memory: '1GB' });
      expect((await results(folder, { ...options, memory: minimumBytes }, golden)).tokens).toEqual(golden.greedy);
    }
  });

  it('runs with both halves quantized, its dense half then on the bridge', async () => {
    const store = join(folder, 'q8');
    await convertModel(folder, store, { rows: 'q8_0', dense: 'q8_0' });
    const { rows } = await results(store, {}, golden);
    let error = 0;
    rows.forEach((row, i) => {
      for (const [id, lnp] of row) error += Math.abs(lnp - golden.lnp[i][id]);
    });
    // A token whose router chooses another expert moves by more.
    expect(error / (rows.length * 64)).toBeLessThan(mixture ? 0.2 : 0.1);
  });
});

describe('what a family does not have here', () => {
  const refuse = async (name: string, change: Record<string, unknown>, message: RegExp) => {
    const golden = goldens[name];
    const folder = writeCheckpoint(`${name} ${JSON.stringify(change)}`, {
      ...golden,
      config: { ...golden.config, ...change } as Golden['config'],
    });
    await expect(planModel(folder, { cacheDir: scratch })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(message),
    });
  };

  it('is refused by name', async () => {
    await refuse('opt', { do_layer_norm_before: false }, /opt-350m/);
    await refuse('opt', { word_embed_proj_dim: 16 }, /opt-350m/);
    await refuse('falcon, multi-query', { alibi: true }, /ALiBi/);
    await refuse('falcon, multi-query', { bias: true }, /biases/);
    await refuse('falcon, multi-query', { parallel_attn: false }, /beside/);
    await refuse('gpt-oss, MXFP4', { swiglu_limit: 5 }, /"swiglu_limit" is 5; only 7/);
    await refuse('gpt-oss, MXFP4', { attention_bias: false }, /"attention_bias" is false/);
    await refuse('gpt-oss, MXFP4', { quantization_config: { quant_method: 'fp8' } }, /weights are quantized/);
  });
});
