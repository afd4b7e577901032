import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { applyDelta as merge } from '../../dist/src/delta/apply-delta.js';
import { openFolder } from '../../dist/src/import/hugging-face.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { applyDelta } from '../../dist/src/index.js';
import { flashrowJson, start } from '../support/flashrow.js';
import { GeneratedFolder } from '../vision/generated-folder.js';

/** By numpy, over files as torch.save makes them: tests/golden/delta.py. */
const golden: {
  base: string;
  delta: string[];
  deltaNames: string[][];
  shapes: Record<string, number[]>;
  merged: Record<string, string>;
  bf16: { base: string; delta: string; sum: string };
  hostile: Record<string, string>;
} = JSON.parse(readFileSync(new URL('../golden/delta.json', import.meta.url), 'utf8'));

const root = mkdtempSync(join(tmpdir(), 'flashrow-delta-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

function folderOf(files: Record<string, string | Uint8Array | object>): string {
  const folder = join(root, `folder-${folders++}`);
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files))
    writeFileSync(
      join(folder, name),
      typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content),
    );
  return folder;
}

const binary = (base64: string) => Buffer.from(base64, 'base64');
const CONFIG = { architectures: ['FERRETLlamaForCausalLM'], mm_vision_tower: 'openai/clip' };
const TOKENIZER = { model: { type: 'BPE' }, added_tokens: [{ id: 0, content: '<unk>' }] };

const baseFolder = () => folderOf({ 'pytorch_model.bin': binary(golden.base), 'tokenizer.json': TOKENIZER });
const deltaFolder = (more = {}) => {
  const files = golden.delta.map((file, at) => [`pytorch_model-0000${at + 1}-of-00002.bin`, binary(file)] as const);
  const map = golden.deltaNames.flatMap((names, at) => names.map((name) => [name, files[at][0]]));
  return folderOf({
    ...Object.fromEntries(files),
    'pytorch_model.bin.index.json': { weight_map: Object.fromEntries(map) },
    'config.json': CONFIG,
    'added_tokens.json': { '<region_fea>': 7, '<unk>': 0 },
    ...more,
  });
};
const fresh = () => join(root, `merged-${folders++}`);

function tensorsOf(folder: string): Record<string, { shape: readonly number[]; hex: string }> {
  const reader = new TensorReader();
  try {
    return Object.fromEntries(
      [...openFolder(folder).tensors.values()].map((tensor) => {
        const bytes = reader.readBytes({ ...tensor, format: tensor.format! }, 0, tensor.bytes);
        return [tensor.sourceName, { shape: tensor.shape, hex: Buffer.from(bytes).toString('hex') }];
      }),
    );
  } finally {
    reader.close();
  }
}

const expected = Object.fromEntries(
  Object.entries(golden.merged).map(([name, hex]) => [name, { shape: golden.shapes[name], hex }]),
);
const refuses = (work: Promise<unknown>, code: string, message: RegExp) =>
  expect(work).rejects.toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));

describe('a base and a delta', () => {
  it('make the sums that numpy makes, to the bit', async () => {
    const destination = fresh();
    const result = await applyDelta(baseFolder(), deltaFolder(), destination);
    expect(tensorsOf(destination)).toEqual(expected);
    expect(result).toMatchObject({
      ...{ folder: destination, added: 4, brought: 2 },
      grown: ['model.embed_tokens.weight', 'lm_head.weight'],
      warnings: [expect.stringContaining(`put the folder of openai/clip at ${join(destination, 'openai/clip')}`)],
    });
    expect(readdirSync(destination).sort()).toEqual([
      'added_tokens.json',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    const { added_tokens: added } = JSON.parse(readFileSync(join(destination, 'tokenizer.json'), 'utf8'));
    expect(added.map(({ id, content }: { id: number; content: string }) => [id, content])).toEqual([
      [0, '<unk>'],
      [7, '<region_fea>'],
    ]);
    expect(existsSync(`${destination}.partial`)).toBe(false);
  });

  it('come with the tower that is given', async () => {
    const clip = new GeneratedFolder();
    clip.add('vision_model.embeddings.patch_embedding.weight', [1024, 3, 14, 14]);
    clip.add('vision_model.embeddings.position_embedding.weight', [577, 1024]);
    clip.add('text_model.final_layer_norm.weight', [3]);
    const vision = folderOf({ 'model.safetensors': clip.safetensors(), 'config.json': {} });
    const destination = fresh();
    const { warnings, brought } = await applyDelta(baseFolder(), deltaFolder(), destination, { vision });
    expect([warnings, brought]).toEqual([[], 4]);
    const { tensors } = openFolder(destination);
    const name = 'model.vision_tower.vision_tower.vision_model.embeddings.position_embedding.weight';
    expect([tensors.get(name)?.shape, tensors.size]).toEqual([[577, 1024], 8]);
    const other = folderOf({ 'pytorch_model.bin': binary(golden.bf16.base) });
    await refuses(applyDelta(baseFolder(), deltaFolder(), fresh(), { vision: other }), 'BAD_USAGE', /is not CLIP/);
  });

  it('are added in the format of the delta', async () => {
    const base = folderOf({ 'pytorch_model.bin': binary(golden.bf16.base) });
    const delta = folderOf({ 'pytorch_model.bin': binary(golden.bf16.delta), 'config.json': {} });
    const destination = fresh();
    const { warnings } = await applyDelta(base, delta, destination);
    expect(tensorsOf(destination)).toEqual({ a: { shape: [3, 5], hex: golden.bf16.sum } });
    expect(warnings).toEqual([expect.stringContaining('tokenizer.json')]);
  });

  it('are taken from safetensors as well, and come in several files', async () => {
    const [base, delta] = [new GeneratedFolder(), new GeneratedFolder()];
    const ones = base.add('a', [40, 5]);
    const twos = delta.add('a', [40, 5], 0.5);
    delta.add('model.mm_projector.weight', [3, 3]);
    const from = folderOf({ 'model.safetensors': base.safetensors(), 'tokenizer.json': TOKENIZER });
    const change = folderOf({ 'model.safetensors': delta.safetensors(), 'config.json': {} });
    const destination = fresh();
    const signal = new AbortController().signal;
    await merge(
      { base: from, delta: change, destination, vision: null },
      { signal, onBytes: () => {}, shardBytes: 100 },
    );
    expect(readdirSync(destination)).toContain('model-00002-of-00002.safetensors');
    const sums = Float32Array.from(ones, (one, at) => one + twos[at]);
    expect(tensorsOf(destination).a.hex).toBe(Buffer.from(sums.buffer).toString('hex'));
  });

  it('are refused where they do not belong together', async () => {
    const add = (base: string, delta: string) => applyDelta(base, delta, fresh());
    const small = folderOf({ 'pytorch_model.bin': binary(golden.bf16.base) });
    await refuses(add(small, deltaFolder()), 'BAD_USAGE', /has no tensor "a", which/);
    await refuses(add(folderOf({}), deltaFolder()), 'NOT_FOUND', /holds no model.safetensors, no pytorch_model.bin/);
    await refuses(add(join(small, 'none'), small), 'NOT_FOUND', /none does not exist; give the folder/);
    await refuses(add(small, join(small, 'config.json')), 'NOT_FOUND', /config.json does not exist/);
    const evil = folderOf({ 'pytorch_model.bin': binary(golden.hostile['posix.system']), 'config.json': {} });
    await refuses(add(small, evil), 'UNSUPPORTED', /posix.system/);
    const whole = folderOf({ 'pytorch_model.bin': binary(golden.hostile.LongStorage), 'config.json': {} });
    await refuses(add(small, whole), 'UNSUPPORTED', /LongStorage/);
    const turned = new GeneratedFolder();
    turned.add('a', [5, 3]);
    const other = folderOf({ 'model.safetensors': turned.safetensors(), 'config.json': {} });
    await refuses(add(small, other), 'BAD_USAGE', /has the shape \[5, 3\] in the delta and \[3, 5\]/);
    const alone = new GeneratedFolder();
    alone.add('a', [3, 5]);
    alone.add('strange', [1]);
    const more = folderOf({ 'model.safetensors': alone.safetensors(), 'config.json': {} });
    await refuses(add(small, more), 'BAD_USAGE', /has no tensor "strange"/);
    await refuses(applyDelta(small, more, small), 'BAD_USAGE', /is not empty/);
    const clashing = deltaFolder({ 'added_tokens.json': { '<region_fea>': 0 } });
    await refuses(add(baseFolder(), clashing), 'UNSUPPORTED', /says otherwise/);
    const escaping = deltaFolder({ 'pytorch_model.bin.index.json': { weight_map: { a: '../a.bin' } } });
    await refuses(add(baseFolder(), escaping), 'CORRUPT', /names the file "..\/a.bin"/);
  });

  it('are refused where their sum is no number', async () => {
    const [base, delta] = [new GeneratedFolder(), new GeneratedFolder()];
    base.add('a', [2], 0, 3e38);
    delta.add('a', [2], 0, 3e38);
    const from = folderOf({ 'model.safetensors': base.safetensors() });
    const change = folderOf({ 'model.safetensors': delta.safetensors(), 'config.json': {} });
    await refuses(applyDelta(from, change, fresh()), 'CORRUPT', /"a" comes to infinity: the base is not the one/);
  });
});

describe('a merge that is cut off', () => {
  const [base, delta] = [new GeneratedFolder(), new GeneratedFolder()];
  for (let at = 0; at < 12; at++) {
    base.add(`t${at}`, [100, 100]);
    delta.add(`t${at}`, [100, 100], 0.1);
  }
  const from = folderOf({ 'model.safetensors': base.safetensors(), 'tokenizer.json': TOKENIZER });
  const change = folderOf({ 'model.safetensors': delta.safetensors(), 'config.json': {} });
  const shardBytes = 80_000;

  it('goes on after its last whole file, and comes to the same', async () => {
    const [whole, destination] = [fresh(), fresh()];
    const { signal } = new AbortController();
    await merge(
      { base: from, delta: change, destination: whole, vision: null },
      { signal, onBytes: () => {}, shardBytes },
    );
    const stop = new AbortController();
    const onBytes = (done: number) => {
      if (done > 200_000) stop.abort(new Error('stopped'));
    };
    const request = { base: from, delta: change, destination, vision: null };
    await expect(merge(request, { signal: stop.signal, onBytes, shardBytes })).rejects.toThrow('stopped');
    expect(existsSync(destination)).toBe(false);
    const kept = join(`${destination}.partial`, 'model', 'model-00001-of-00006.safetensors');
    const { mtimeNs } = statSync(kept, { bigint: true });
    const seen: number[] = [];
    await merge(request, { signal, onBytes: (done) => seen.push(done), shardBytes });
    expect(seen[0]).toBeGreaterThan(80_000);
    const first = join(destination, 'model-00001-of-00006.safetensors');
    expect(statSync(first, { bigint: true }).mtimeNs).toBe(mtimeNs);
    for (const name of readdirSync(whole))
      expect(readFileSync(join(destination, name)).equals(readFileSync(join(whole, name)))).toBe(true);
  });

  it('begins anew for other weights', async () => {
    const destination = fresh();
    const request = { base: from, delta: change, destination, vision: null };
    const stop = new AbortController();
    const onBytes = () => stop.abort(new Error('stopped'));
    await expect(merge(request, { signal: stop.signal, onBytes, shardBytes })).rejects.toThrow('stopped');
    writeFileSync(join(change, 'model.safetensors'), delta.safetensors());
    const seen: number[] = [];
    const { signal } = new AbortController();
    await merge(request, { signal, onBytes: (done) => seen.push(done), shardBytes });
    expect(seen[0]).toBeLessThan(2000);
  });

  it('is whole after a kill and the same command again', async () => {
    const [first, second, destination] = [baseFolder(), deltaFolder(), fresh()];
    const command = ['apply-delta', first, second, destination];
    const { child, outcome } = start(command);
    const watch = setInterval(() => {
      if (existsSync(`${destination}.partial`)) child.kill('SIGKILL');
    }, 1);
    await outcome;
    clearInterval(watch);
    // A kill that came too late has left a whole folder, which is not written over.
    rmSync(destination, { recursive: true, force: true });
    const { json, stderr } = await flashrowJson<{ added: number; bytes: number }>(command);
    expect(json.added, stderr).toBe(4);
    expect(tensorsOf(destination)).toEqual(expected);
    expect(existsSync(`${destination}.partial`)).toBe(false);
  });

  it('takes away what a kill at its very end has left', async () => {
    const destination = fresh();
    const request = { base: baseFolder(), delta: deltaFolder(), destination, vision: null };
    const { signal } = new AbortController();
    const follow = { signal, onBytes: () => {} };
    await merge(request, follow);
    mkdirSync(`${destination}.partial`);
    for (const name of ['key', 'lock']) writeFileSync(join(`${destination}.partial`, name), '');
    await expect(merge(request, follow)).rejects.toMatchObject({ code: 'BAD_USAGE' });
    expect(existsSync(`${destination}.partial`)).toBe(false);
    expect(tensorsOf(destination)).toEqual(expected);
  });
});
