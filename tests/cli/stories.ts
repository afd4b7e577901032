import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { flashrow } from '../support/flashrow.js';
import { sharedPath } from '../support/shared-data.js';

/** The folder of stories260K. Its references come from a float32 NumPy forward of the same weights. */
export const stories = sharedPath('models/stories260K');
export const checkpoint = `${stories}/stories260K.gguf`;

export const readReference = (name: string) => JSON.parse(readFileSync(`${stories}/${name}`, 'utf8'));

/** Ids of a greedy generation, BOS first. */
export const greedyIds = (): number[] => readReference('greedy_ids.json');

/** The text of 200 greedy steps from BOS, as llama2.c prints it. */
export const greedyText = (): string => readFileSync(`${stories}/expected_stdout_200steps.txt`, 'utf8');

export interface Setup {
  /** Gone after the tests of the file. */
  scratch: string;
  /** The converted model. */
  model: string;
  /** Keys and values as precise as the reference, and memory for everything. */
  shared: string[];
}

/** Converts the model once for the tests of a file; filled in when they start. */
export function useStories(): Setup {
  const scratch = join(tmpdir(), `flashrow-cli-${randomUUID()}`);
  const model = join(scratch, 'stories');
  beforeAll(async () => {
    mkdirSync(scratch);
    const { exitCode, stderr } = await flashrow(['convert', checkpoint, model]);
    expect(exitCode, stderr).toBe(0);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  return { scratch, model, shared: ['--state', 'f32', '--context', '512', '--memory', '64MB'] };
}
