import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../src/engine/sampler.js';
import { openTokenizer } from '../../src/hub/open-tokenizer.js';
import { REPOSITORY } from '../repository.js';
import type { Row } from '../table.js';
import { type Group, medianMs } from './group.js';

const CHARACTERS = 200_000;
const PROSE = ['README.md', 'CHANGELOG.md', 'docs/api.md', 'docs/cli.md', 'docs/architecture.md', 'docs/adding.md'];
const OPTIONS = { addBos: false, addEos: false, parseSpecial: false };

export const tokenizer: Group = {
  title: 'tokenizer',
  note: `The shipped vocabulary (byte-pair encoding) over prose (${PROSE.join(', ')}), and over random words that rarely repeat.`,
  async measure({ wanted }) {
    const { tokenizer: tales } = await openTokenizer(join(REPOSITORY, 'weights/tales'));
    const texts = {
      prose: () => PROSE.map((name) => readFileSync(join(REPOSITORY, name), 'utf8')).join('\n'),
      'random words': () => randomText((ids) => tales.decode(ids)),
    };
    const rows: Row[] = [];
    for (const [name, make] of Object.entries(texts)) {
      if (!wanted(`encode ${name}`) && !wanted(`decode ${name}`)) continue;
      const text = make();
      const ids = tales.encode(text, OPTIONS);
      const directions = { encode: () => tales.encode(text, OPTIONS), decode: () => tales.decode(ids) };
      for (const [direction, work] of Object.entries(directions)) {
        if (!wanted(`${direction} ${name}`)) continue;
        const ms = await medianMs(work);
        const bytes = Buffer.byteLength(text);
        rows.push({
          direction,
          text: name,
          KB: bytes / 1e3,
          'MB/s': bytes / ms / 1e3,
          'tokens/s': (ids.length / ms) * 1e3,
        });
      }
    }
    return rows;
  },
};

/** Ids beyond bytes and controls, which all but the smallest vocabularies have. */
function randomText(decode: (ids: number[]) => string): string {
  const random = seededRandom(1);
  const parts: string[] = [];
  for (let length = 0; length < CHARACTERS; length += parts.at(-1)!.length)
    parts.push(decode(Array.from({ length: 64 }, () => 260 + Math.floor(1500 * random()))));
  return parts.join(' ');
}
