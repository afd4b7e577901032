import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { localModels } from '../../src/hub/local-models.js';
import { findVision } from '../../src/vision/find-vision.js';
import { modelSpec } from '../support/spec.js';
import { smallMmproj } from '../vision/mmproj-file.js';
import { randomGguf, Served, tinyFolder } from './support.js';

const { hiddenSize } = SHAPES.tiny;
const eyes = smallMmproj(hiddenSize);
const [model, other] = [randomGguf('q8_0'), randomGguf('q4_0')];
const served = new Served({
  'o/seeing': { 'm-Q8_0.gguf': model, 'm-Q4_0.gguf': other, 'mmproj-F16.gguf': eyes, 'mmproj-F32.gguf': eyes },
  'o/parts': { 'Q8_0/m-Q8_0.gguf': model, 'mmproj-m-F16.gguf': eyes },
  'o/unknown': { 'm-Q8_0.gguf': model, 'mmproj-F16.gguf': smallMmproj(hiddenSize, 'pixtral') },
  'o/folder': { ...tinyFolder(), 'preprocessor_config.json': Buffer.from('{}'), 'video.json': Buffer.from('{}') },
});

describe('a pulled model', () => {
  it('comes with the mmproj file that goes with it', async () => {
    const { json } = await served.pull('o/seeing:Q8_0');
    expect(json.bytes).toBe(model.length + eyes.length);
    const [found, others] = ['mmproj-F16.gguf', 'mmproj-F32.gguf'].map((name) => join(dirname(json.path), name));
    expect(findVision(json.path, modelSpec({ hiddenSize }))).toBe(found);
    expect(existsSync(others)).toBe(false);
    expect(localModels(served.cache).map(({ files }) => files.map((file) => basename(file)))).toEqual([
      ['m-Q8_0.gguf', 'mmproj-F16.gguf'],
    ]);
    // Two models share it: it is then of neither.
    await served.pull('o/seeing:Q4_0');
    expect(localModels(served.cache).map(({ files }) => files.length)).toEqual([1, 1]);
    expect((await served.pull('o/seeing:Q8_0')).json.fetchedBytes).toBe(0);
  });

  it('comes with the one above its own folder', async () => {
    const { json } = await served.pull('o/parts');
    expect(json.bytes).toBe(model.length + eyes.length);
    expect(findVision(json.path, modelSpec({ hiddenSize }))).toBe(
      join(dirname(dirname(json.path)), 'mmproj-m-F16.gguf'),
    );
  });

  it('comes without one that is not read here', async () => {
    const { json } = await served.pull('o/unknown');
    expect(json.bytes).toBe(model.length);
    expect(existsSync(join(dirname(json.path), 'mmproj-F16.gguf'))).toBe(false);
  });

  it('comes with what says how its folder makes pictures ready', async () => {
    const { json } = await served.pull('o/folder');
    expect(existsSync(join(json.path, 'preprocessor_config.json'))).toBe(true);
    expect(existsSync(join(json.path, 'video.json'))).toBe(false);
  });
});
