import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { llamaTokenize } from './llama-cpp.js';
import { isPeerRun, unlessPeerRun } from './suite.js';

const TEXTS = [
  '',
  ' ',
  'Once upon a time, there was a little girl named Lily.',
  '  two spaces, then   three, and one at the end ',
  'line\nbreaks\n\nand\ttabs\r\n',
  'Lily\'s "ball" (the red one) cost 3.50!?',
  'Grüße, naïve café; Ελλάδα; 日本語; مرحبا',
  'emoji 🦙👩‍👩‍👧 and a zero\u0000byte',
  'not special here: <s> </s> <unk> <0x0A>',
  '\u2581already\u2581marked',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'e\u0301 \u00a0 \u3000 \ufeff',
];

describe.skipIf(!isPeerRun || !haveSharedData)(`tokenize${unlessPeerRun || withoutSharedData}`, () => {
  it('gives the ids of llama.cpp with a SentencePiece vocabulary', async () => {
    const path = sharedPath('models/stories260K/stories260K.gguf');
    const expected = await llamaTokenize(path, TEXTS);
    const cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-peer-'));
    onTestFinished(() => rmSync(cacheDir, { recursive: true }));
    const model = await loadModel(path, { cacheDir, memory: '64MB' });
    try {
      for (const [i, text] of TEXTS.entries()) {
        expect(await model.tokenize(text, { addSpecial: false }), JSON.stringify(text)).toEqual(expected[i]);
      }
    } finally {
      await model.dispose();
    }
  });
});
