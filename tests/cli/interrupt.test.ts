import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { start } from '../support/flashrow.js';
import { haveSharedData, withoutSharedData } from '../support/shared-data.js';
import { useStories } from './stories.js';

const ENDLESS = ['--tokens', '[1]', '--max-tokens', '100000', '--ignore-eos'];

describe.skipIf(!haveSharedData)(`interrupts with stories260K${withoutSharedData}`, () => {
  const { model, scratch, shared } = useStories();

  test('Ctrl-C ends the text where it is, with exit code 130', async () => {
    const { child, outcome } = start(['run', model, ...ENDLESS, ...shared, '--context', '2048']);
    child.stdout?.once('data', () => child.kill('SIGINT'));
    const { exitCode, signal, stdout, stderr } = await outcome;
    expect([exitCode, signal], stderr).toEqual([130, null]);
    expect(stdout).not.toBe('');
    expect(stderr).toContain('generated: interrupted');
  });

  // 128 and the number of the signal, as POSIX shells count.
  test.for([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends the text as Ctrl-C does, with exit code %i', async ([name, expected]) => {
    const { child, outcome } = start(['run', model, ...ENDLESS, ...shared, '--context', '2048']);
    child.stdout?.once('data', () => child.kill(name));
    const { exitCode, signal, stderr } = await outcome;
    expect([exitCode, signal], stderr).toEqual([expected, null]);
    expect(stderr).toContain('generated: interrupted');
  });

  test('Ctrl-C makes run --json print what there is, however little', async () => {
    // The word about the conversion is the first sign of life; what it interrupts from there on may be any phase. Down
    // matrices of ReLU models have to be turned. The context is so long that the run would go on for half a minute.
    const turned = join(scratch, 'relu.gguf');
    writeRandomGguf(turned, { ...SHAPES['tiny-relu'], contextLength: 32_768 }, 'q8_0');
    const more = ['--context', '32768', '--memory', '256MB', '--cache-dir', join(scratch, 'cache')];
    const { child, outcome } = start(['run', turned, '--json', ...ENDLESS, ...more]);
    child.stderr?.once('data', () => child.kill('SIGINT'));
    const { exitCode, stdout } = await outcome;
    expect(exitCode).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({
      finishReason: 'abort',
      text: expect.any(String),
      tokens: expect.any(Array),
    });
  });

  test('a reader that goes away ends the run quietly', async () => {
    const { child, outcome } = start(['run', model, ...ENDLESS, ...shared]);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { exitCode, stderr } = await outcome;
    expect([exitCode, stderr.includes('error')]).toEqual([0, false]);
  });
});
