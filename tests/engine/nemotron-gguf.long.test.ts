import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { f32, integers, text, u32, writeGguf } from '../../dist/bench/model/gguf-file.js';
import { loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { GOLDENS, type Golden, goldenValues, writeGolden } from '../support/golden-families.js';
import { nearness } from '../support/how-near.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-nemotron-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** llama.cpp's names of what transformers calls otherwise (gguf-py, tensor_mapping.py). */
const NAMES: Record<string, string> = {
  'embeddings.weight': 'token_embd.weight',
  'norm_f.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
  'norm.weight': 'attn_norm.weight',
  'mixer.A_log': 'ssm_a',
  'mixer.D': 'ssm_d',
  'mixer.dt_bias': 'ssm_dt.bias',
  'mixer.conv1d.weight': 'ssm_conv1d.weight',
  'mixer.conv1d.bias': 'ssm_conv1d.bias',
  'mixer.in_proj.weight': 'ssm_in.weight',
  'mixer.out_proj.weight': 'ssm_out.weight',
  'mixer.norm.weight': 'ssm_norm.weight',
  'mixer.q_proj.weight': 'attn_q.weight',
  'mixer.k_proj.weight': 'attn_k.weight',
  'mixer.v_proj.weight': 'attn_v.weight',
  'mixer.o_proj.weight': 'attn_output.weight',
  'mixer.up_proj.weight': 'ffn_up.weight',
  'mixer.down_proj.weight': 'ffn_down.weight',
};

const [HEADS, GROUPS, STATE, HEAD_DIM] = [8, 2, 16, 16];
const ORDINARY = 'nemotron-h, ordinary networks';
const { ids } = GOLDENS;

/** What golden/nemotron_blocks.py computed. */
const BLOCKS = JSON.parse(readFileSync(new URL('../golden/nemotron-blocks.json', import.meta.url), 'utf8')) as {
  models: Record<string, Golden>;
};

/** A golden model as llama.cpp's converter writes it (conversion/nemotron.py). */
function writeNemotron(name: string, { config, tensors }: Golden): string {
  const path = join(scratch, `${name.replaceAll('*', 'A')}.gguf`);
  const kinds = config.layers_block_type as string[];
  const perBlock = (kind: string, value: number) => kinds.map((one) => (one === kind ? value : 0));
  const key = (suffix: string) => `nemotron_h.${suffix}`;
  const entries = [
    text('general.architecture', 'nemotron_h'),
    u32(key('block_count'), kinds.length),
    u32(key('context_length'), 1024),
    u32(key('embedding_length'), 64),
    integers(key('feed_forward_length'), perBlock('mlp', 96)),
    u32(key('attention.head_count'), 4),
    integers(key('attention.head_count_kv'), perBlock('full_attention', 2)),
    u32(key('attention.key_length'), 16),
    u32(key('attention.value_length'), 16),
    f32(key('attention.layer_norm_epsilon'), 1e-5),
    u32(key('ssm.conv_kernel'), 4),
    u32(key('ssm.inner_size'), HEADS * HEAD_DIM),
    u32(key('ssm.state_size'), STATE),
    u32(key('ssm.time_step_rank'), HEADS),
    u32(key('ssm.group_count'), GROUPS),
  ];
  const written = tensors.map((tensor, index) => {
    const [, block, name] = /^(?:backbone\.)?(?:layers\.(\d+)\.)?(.*)$/.exec(tensor[0])!;
    const values = goldenValues(index, tensor);
    const known = NAMES[name];
    let dimensions = [...tensor[1]].reverse().filter((size, i) => i !== 1 || tensor[1].length !== 3 || size !== 1);
    if (known === 'ssm_a' || known === 'ssm_d') dimensions = [1, HEADS];
    if (known === 'ssm_norm.weight') dimensions = [(HEADS * HEAD_DIM) / GROUPS, GROUPS];
    return {
      name: block === undefined ? known : `blk.${block}.${known}`,
      dimensions,
      format: 'f32' as const,
      values: known === 'ssm_a' ? values.map((logarithm) => -Math.exp(logarithm)) : values,
    };
  });
  writeGguf(path, entries, written, function* ({ values }) {
    yield new Uint8Array(values.buffer);
  });
  return path;
}

async function opened<T>(
  source: string,
  options: ModelOptions,
  ask: (model: Awaited<ReturnType<typeof loadModel>>) => Promise<T>,
): Promise<T> {
  const model = await loadModel(source, { cacheDir: scratch, contextSize: 700, ...options });
  try {
    return await ask(model);
  } finally {
    await model.dispose();
  }
}

async function expectNear(source: string, { rows }: Golden): Promise<void> {
  await opened(source, { tuning: { state: 'f32' } }, async (model) => {
    expect(model.info.architecture).toBe('nemotron-h');
    const ours = await model.logprobs(ids, 96);
    const near = nearness(Object.entries(rows).map(([position, row]) => [ours[Number(position)], row]));
    expect(near.worst).toBeLessThan(1e-3);
    expect(near.sameBest).toBe(near.positions);
  });
}

it('a GGUF file of Nemotron-H with ordinary networks predicts what transformers does', async () => {
  const golden = GOLDENS.models[ORDINARY];
  await expectNear(writeNemotron('known', golden), golden);
});

describe.each(Object.entries(BLOCKS.models))('blocks %s', (pattern, golden) => {
  const gguf = writeNemotron(pattern, golden);
  const answer = (model: Awaited<ReturnType<typeof loadModel>>, prompt: number[]) =>
    model.generate(prompt, { maxTokens: 20, ignoreEos: true }).result;

  it('predict what the reference does, from a GGUF file and from a folder', async () => {
    await expectNear(gguf, golden);
    await expectNear(writeGolden(join(scratch, pattern.replaceAll('*', 'A')), golden), golden);
  });

  it('give the same tokens in the smallest budget, and with one thread', async () => {
    const { minimumBytes } = await planModel(gguf, { cacheDir: scratch, contextSize: 700, memory: '1' });
    const prompt = ids.slice(0, 90);
    const { tokens } = await opened(gguf, {}, (model) => answer(model, prompt));
    for (const change of [{ memory: minimumBytes }, { threads: 1 }])
      expect((await opened(gguf, change, (model) => answer(model, prompt))).tokens).toEqual(tokens);
  });

  it('go on from a turn as from the whole text', async () => {
    const first = ids.slice(0, 60);
    await opened(gguf, {}, async (model) => {
      const { tokens } = await answer(model, first);
      const second = [...first, ...tokens, ...ids.slice(60, 80)];
      const { tokens: again, usage } = await answer(model, second);
      expect(usage.cached).toBeGreaterThan(60);
      const fresh = await opened(gguf, {}, (other) => answer(other, second));
      expect(again).toEqual(fresh.tokens);
    });
  });
});
