import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFile } from '../../dist/src/disk/files.js';
import { readGgufHeader } from '../../dist/src/import/gguf-header.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { describeGguf } from '../../dist/src/model/families/architectures.js';
import { Fields } from '../../dist/src/model/fields.js';
import { huggingFaceLatent, latentQueryScale, latentRotaryDimension } from '../../dist/src/model/latent-family.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-latent-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** GLM-4.7-Flash (zai-org/GLM-4.7-Flash, config.json). */
const GLM = {
  ...{ hidden_size: 2048, num_attention_heads: 20, num_key_value_heads: 20, q_lora_rank: 768 },
  ...{ kv_lora_rank: 512, qk_nope_head_dim: 192, qk_rope_head_dim: 64, v_head_dim: 256 },
};

describe('latent attention of config.json', () => {
  it('keeps one vector for all heads', () => {
    expect(huggingFaceLatent(Fields.of('config.json', GLM))).toEqual({
      ...{ hiddenSize: 2048, numAttentionHeads: 20, numKeyValueHeads: 1, headDim: 576 },
      latentAttention: {
        ...{ latentDim: 512, keyDim: 192, rotaryDim: 64, valueDim: 256, queryRank: 768 },
        ...{ keyLayout: 'by-key', normEpsilon: 1e-6 },
      },
    });
  });

  it('divides by the root of the head that its queries stand for', () => {
    const { headDim, latentAttention } = huggingFaceLatent(Fields.of('config.json', GLM));
    // The engine divides by sqrt(576).
    expect(latentQueryScale(headDim, latentAttention!, 1.5) / Math.sqrt(576)).toBeCloseTo(
      1.5 ** 2 / Math.sqrt(256),
      12,
    );
  });

  it('takes a share of rotating dimensions that says the same as their number', () => {
    const { latentAttention } = huggingFaceLatent(Fields.of('config.json', GLM));
    const share = (value?: number) =>
      latentRotaryDimension(Fields.of('config.json', { partial_rotary_factor: value }), latentAttention!);
    expect([share(), share(1), share(0.25)]).toEqual([64, 64, 64]);
    expect(() => share(0.5)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });
});

describe.skipIf(!haveTiny2026)(`latent attention of a GGUF file${withoutTiny2026}`, () => {
  it('has queries that grow with their position where the file says so', () => {
    const answers = { model: 'deepseek2-glm', type: 'f32', seed: 1, shape: 'a' };
    const changes = ['--set', '$.attention.temperature_scale=0.25', '--set', '$.attention.temperature_length=64'];
    expect(openCheckpoint(writeTiny(folder, answers, changes)).spec.queryTemperature).toEqual({
      scale: 0.25,
      length: 64,
    });
  });

  it('is Mistral 4 under another name', () => {
    const path = writeTiny(folder, { model: 'deepseek2-lite', type: 'f32', seed: 1, shape: 'a' });
    const { metadata, tensors } = withFile(path, readGgufHeader);
    const renamed = new Map([...metadata].map(([key, value]) => [key.replace(/^deepseek2\./, 'mistral4.'), value]));
    renamed.set('general.architecture', 'mistral4');
    const shapes = new Map(tensors.map(({ name, dimensions }) => [name, [...dimensions].reverse()]));
    const description = describeGguf('same', new Fields('mistral4.gguf', (key) => renamed.get(key)), {
      shape: (name) => shapes.get(name) ?? null,
      floats: () => new Float32Array(0),
    });
    expect(description.spec).toEqual({ ...openCheckpoint(path).spec, architecture: 'mistral4', name: 'same' });
  });
});
