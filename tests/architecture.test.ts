import { describe, expect, it } from 'vitest';
import { circleIn, type Import, importsIn, importsOf } from './imports.js';

/** The rooms, top floor first. A room may import from the floors below its own. */
const FLOORS: readonly (readonly string[])[] = [
  ['src/cli', 'src/index.ts'],
  ['src/runtime'],
  ['src/hub'],
  ['src/plan', 'src/select', 'src/cache', 'src/dense', 'src/store', 'src/text'],
  ['src/import'],
  ['src/model'],
  ['src/errors.ts'],
  ['native-bridge'],
];

/** What the review found; the move is to leave none. */
const KNOWN_UP_OR_SIDEWAYS = ['src/select/trace.ts -> src/cache/trace.ts'];
const KNOWN_CIRCLES =
  /architectures|yarn|unknown-traits|comparison|hub\/hub|stored-text|policies\/pool|examine|store\/verify|create-cache|shared-pool/;

const room = (path: string) => FLOORS.flat().find((name) => path === name || path.startsWith(`${name}/`)) ?? path;
const floor = (path: string) => FLOORS.findIndex((rooms) => rooms.includes(room(path)));

function upOrSideways(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => room(from) !== room(to) && floor(to) <= floor(from))
    .map(({ from, to }) => `${from} -> ${to}`);
}

const imports = [...importsOf('src'), ...importsOf('native-bridge')];

describe('the imports of src/ and native-bridge/', () => {
  it('run down only', () => {
    expect(upOrSideways(imports).filter((found) => !KNOWN_UP_OR_SIDEWAYS.includes(found))).toEqual([]);
  });

  it('make no circle of files', () => {
    expect(circleIn(imports.filter(({ from, to }) => !KNOWN_CIRCLES.test(from) && !KNOWN_CIRCLES.test(to)))).toBeNull();
  });

  it('know every room', () => {
    expect(imports.filter(({ from, to }) => floor(from) < 0 || floor(to) < 0)).toEqual([]);
  });
});

describe('the test itself', () => {
  it('sees an import that runs up, by type alone too', () => {
    const planted = importsIn('src/model/spec.ts', "import type { Model } from '../runtime/api.js';\n", []);
    expect(upOrSideways(planted)).toEqual(['src/model/spec.ts -> src/runtime/api.ts']);
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
