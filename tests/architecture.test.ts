import { dirname } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { circleIn, type Import, importsIn, importsOf, sourcesIn } from './support/imports.js';

/**
 * The rooms, top floor first. A room may import from the floors below its own, and from nothing else. A folder within a
 * room is on the room's floor unless it stands here itself.
 */
const FLOORS: readonly (readonly string[])[] = [
  // In the browser. It imports nothing of the others, and nothing imports it: see below.
  ['src/page'],
  ['src/cli'],
  ['src/cli/commands'],
  ['src/cli/chat'],
  ['src/cli/options', 'src/cli/input', 'src/cli/output'],
  // It stands on the public API, and the server on its checks of arguments.
  ['src/server', 'src/ai-sdk'],
  ['src/index.ts'],
  // On the caller's thread. Of the worker's it names the entry alone (api/worker.ts).
  ['src/api'],
  ['src/worker'],
  ['src/calibrate'],
  ['src/engine'],
  ['src/contract'],
  ['src/trace'],
  ['src/trace/policies'],
  ['src/hub'],
  // Below here nothing knows a budget.
  ['src/plan'],
  ['src/store/write', 'src/delta'],
  ['src/store', 'src/text'],
  ['src/mixers', 'src/text/dialects', 'src/grammar', 'src/vision'],
  ['src/import', 'src/dense', 'src/select'],
  ['src/model/families', 'src/import/layouts'],
  ['src/model'],
  ['src/cache', 'src/disk', 'src/draft'],
  ['src/errors.ts'],
  ['src/error-details.ts'],
  ['native-bridge/index.ts'],
  ['native-bridge/addon', 'native-bridge/twin'],
  ['native-bridge'],
  ['native-bridge/src/bindings'],
  ['native-bridge/src/stream', 'native-bridge/src/dense', 'native-bridge/src/mixers'],
  ['native-bridge/src/kernels'],
  // What a block of weights holds, for all instruction sets.
  ['native-bridge/src/kernels/blocks'],
  // What systems do in their own ways.
  ['native-bridge/src/linux', 'native-bridge/src/darwin', 'native-bridge/src/windows'],
  ['native-bridge/src/posix'],
  ['native-bridge/src'],
];

const room = (path: string) =>
  FLOORS.flat()
    .filter((name) => path === name || path.startsWith(`${name}/`))
    .reduce((deepest, name) => (name.length > deepest.length ? name : deepest), '');
const floor = (path: string) => FLOORS.findIndex((rooms) => rooms.includes(room(path)));

function upOrSideways(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => room(from) !== room(to) && floor(to) <= floor(from))
    .map(({ from, to }) => `${from} -> ${to}`);
}

const imports = [...importsOf('src'), ...importsOf('native-bridge')];

describe('the imports of src/ and native-bridge/', () => {
  it('run down only', () => {
    expect(upOrSideways(imports)).toEqual([]);
  });

  it('make no circle of files', () => {
    expect(circleIn(imports)).toBeNull();
  });

  it('make no circle of rooms', () => {
    expect(circleIn(imports.map(({ from, to }) => ({ from: room(from), to: room(to) })))).toBeNull();
  });

  it('leave the page by itself: it runs in a browser, and is bundled', () => {
    const across = imports.filter(({ from, to }) => (room(from) === 'src/page') !== (room(to) === 'src/page'));
    expect(across).toEqual([]);
  });

  it('know every room', () => {
    expect(imports.filter(({ from, to }) => floor(from) < 0 || floor(to) < 0)).toEqual([]);
  });
});

describe('a folder of src/ and native-bridge/', () => {
  it('holds at most 35 files', () => {
    const perFolder = new Map<string, number>();
    for (const path of [...sourcesIn('src'), ...sourcesIn('native-bridge')]) {
      const folder = dirname(path);
      perFolder.set(folder, (perFolder.get(folder) ?? 0) + 1);
    }
    expect([...perFolder].filter(([, files]) => files > 35)).toEqual([]);
  });
});

describe('the test itself', () => {
  it('sees an import that runs up, by type alone too', () => {
    const planted = importsIn('src/model/spec.ts', "import type { Model } from '../contract/model.js';\n", []);
    expect(upOrSideways(planted)).toEqual(['src/model/spec.ts -> src/contract/model.ts']);
  });

  it('sees a circle', () => {
    const edges = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'c', to: 'b' },
    ];
    expect(circleIn(edges)).toEqual(['b', 'c', 'b']);
  });
});
