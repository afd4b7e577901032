import { posix } from 'node:path';

/*
 * Names of mmproj files, as hubs have them: mmproj-F16.gguf, mmproj-model-f16.gguf, model-name.mmproj-Q8_0.gguf,
 * mmproj-model-name-f16.gguf, model-name-mmproj-model-f16.gguf.
 */

const MMPROJ = /(^|[-._])mmproj([-._]|$)/i;
const ENDING = /\.gguf$/i;
/** The types of weights that names end in, those first that are taken first. */
const TYPES = ['f16', 'bf16', 'q8_0', 'f32'];
const TYPE = new RegExp(`(^|[-._])(${TYPES.join('|')}|i?q\\d\\w*)$`, 'i');

export const isMmproj = (name: string): boolean => MMPROJ.test(name) && ENDING.test(name);

/** What the name says of the model; empty for one that goes with any. */
const modelIn = (name: string): string =>
  name
    .replace(ENDING, '')
    .replace(TYPE, '')
    .replace(MMPROJ, '-')
    .replace(/[-._]model$/i, '')
    .replace(/^[-._]+|[-._]+$/g, '')
    .toLowerCase();

const orderOf = (name: string): number => {
  const type = TYPE.exec(name.replace(ENDING, ''))?.[2].toLowerCase();
  const at = TYPES.indexOf(type ?? '');
  return at < 0 ? TYPES.length : at;
};

/**
 * The mmproj file among `names` that goes with a GGUF file: one that bears the model's name, else one that bears none.
 * Of several types of weights it takes f16 first. Null where there is none.
 */
export function mmprojFor(model: string, names: readonly string[]): string | null {
  const stem = model.toLowerCase();
  const all = names.filter(isMmproj).sort((a, b) => orderOf(a) - orderOf(b) || (a < b ? -1 : 1));
  const named = all.filter((name) => modelIn(name) !== '' && stem.startsWith(modelIn(name)));
  return named[0] ?? all.find((name) => modelIn(name) === '') ?? null;
}

/**
 * Mmproj files that go with the GGUF file at `model`, the nearest first: of its folder, and of the one above where its
 * own is for its quantization alone, as hubs have them (Q4_K_M/name-Q4_K_M-00001-of-00002.gguf). `namesIn` lists a
 * folder. Paths have slashes.
 */
export function* mmprojsNear(model: string, namesIn: (folder: string) => readonly string[]): Generator<string> {
  const { dirname, basename, join } = posix;
  const folder = dirname(model);
  const own = basename(folder).toLowerCase();
  const isOfParts = own !== '.' && own !== '' && basename(model).toLowerCase().includes(own);
  for (const place of isOfParts ? [folder, dirname(folder)] : [folder]) {
    const found = mmprojFor(basename(model), namesIn(place));
    if (found !== null) yield join(place, found);
  }
}
