import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import type { CachedModel } from '../../src/hub/cached-models.js';
import type { PullResult } from '../../src/hub/pull.js';
import { type ErrorJson, flashrowJson } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';
import { writeTinyModel } from '../support/tiny-hugging-face.js';
import { Hub } from './fixture.js';

/**
 * A small model with random weights. `tiny` is read in place; `tiny-relu` is converted, as its neurons are read one by
 * one.
 */
export function randomGguf(format: 'q8_0' | 'q4_0', shape: 'tiny' | 'tiny-relu' = 'tiny'): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-hub-model-'));
  try {
    const path = join(folder, 'model.gguf');
    writeRandomGguf(path, SHAPES[shape], format);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** config.json, model.safetensors and tokenizer.json of a small model. */
export function tinyFolder(): Record<'config.json' | 'model.safetensors' | 'tokenizer.json', Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-hub-model-'));
  try {
    writeTinyModel(folder);
    const read = (name: string) => readFileSync(join(folder, name));
    return {
      'config.json': read('config.json'),
      'model.safetensors': read('model.safetensors'),
      'tokenizer.json': readFileSync(join(TALES, 'tokenizer.json')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Another version of a file, of the same size: its last byte differs. */
export function revised(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] ^= 1;
  return copy;
}

/** A hub for the tests of one file, and a cache folder for each of them. */
export class Served {
  hub!: Hub;
  endpoint!: string;
  cache!: string;
  /** What each command is told. */
  get options(): string[] {
    return ['--endpoint', this.endpoint, '--cache-dir', this.cache, '--context', '64', '--stall-timeout', '0.5'];
  }

  constructor(repositories: Record<string, Record<string, Buffer>>) {
    const scratch = mkdtempSync(join(tmpdir(), 'flashrow-hub-'));
    beforeAll(async () => {
      this.hub = new Hub(repositories);
      this.endpoint = await this.hub.start();
    });
    beforeEach(() => {
      this.hub.faults = {};
      this.hub.log.length = 0;
      this.hub.tokens.length = 0;
      this.cache = mkdtempSync(join(scratch, 'cache-'));
    });
    afterAll(() => {
      this.hub.stop();
      rmSync(scratch, { recursive: true });
    });
  }

  pull<Result = PullResult>(name: string, ...more: string[]) {
    return flashrowJson<Result>(['pull', name, ...this.options, ...more]);
  }

  /** Of a pull that fails. */
  async error(name: string, ...more: string[]): Promise<ErrorJson['error']> {
    return (await this.pull<ErrorJson>(name, ...more)).json.error;
  }

  async list(): Promise<CachedModel[]> {
    return (await flashrowJson<{ models: CachedModel[] }>(['list', '--cache-dir', this.cache])).json.models;
  }

  /** In a repository's folder. */
  file(...parts: string[]): string {
    return join(this.cache, 'models', ...parts);
  }
}
