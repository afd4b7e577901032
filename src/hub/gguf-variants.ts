/**
 * Files that llama.cpp makes beside models: projectors of other senses, and statistics of activations where no model's
 * name goes on after them.
 */
const NO_MODEL = /(^|[-._])(mmproj|imatrix(?!.*[-.](i?q\d|b?f16|f32)))/i;

/** One model among a repository's GGUF files. */
export interface GgufVariant {
  /** What tells it from the others, as it is written in its file's name: the quantization, or more than that. */
  name: string;
  /** What a tag may be the end of. */
  stem: string;
  /** All its parts, in order. */
  files: string[];
}

/**
 * The models among `paths`: files whose names differ in the number of a part alone belong together. Parts without the
 * first one are no model.
 */
export function ggufVariants(paths: readonly string[]): GgufVariant[] {
  const files = new Map<string, string[]>();
  for (const path of [...paths].sort()) {
    const [, location] = /^(.+?)(?:-\d{5}-of-\d{5})?\.gguf$/i.exec(path) ?? [];
    if (location === undefined || NO_MODEL.test(location.split('/').at(-1)!)) continue;
    files.set(location, [...(files.get(location) ?? []), path]);
  }
  const locations = [...files.keys()].filter(
    (location) => !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(files.get(location)![0]),
  );
  const last = (location: string) => location.split('/').at(-1)!;
  const isAlone = (stem: string) => locations.filter((each) => last(each) === stem).length === 1;
  const stems = locations.map((each) => (isAlone(last(each)) ? last(each) : each.replaceAll('/', '-')));
  const shared = sharedStart(stems);
  return locations
    .map((location, index) => ({
      name: stems[index].slice(shared) || stems[index],
      stem: stems[index],
      files: files.get(location)!,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** How many characters all stems begin with, up to the last `-` or `.` among them. */
function sharedStart(stems: readonly string[]): number {
  const [first = ''] = stems;
  let length = 0;
  while (length < first.length && stems.every((stem) => stem[length] === first[length])) length++;
  const start = /^.*[-.]/.exec(first.slice(0, length))?.[0] ?? '';
  return start.length - (UNSLOTH.exec(start)?.[2].length ?? 0);
}

/** `UD-` belongs to a quantization's name: `Q4_K_XL` and `UD-Q4_K_XL` are two. */
const UNSLOTH = /(^|[-.])(ud[-.])$/i;

/**
 * Those that a tag names: by their whole name, else by the end of their stem after a `-` or `.`; upper and lower case
 * are the same. More than one where it says too little.
 */
export function variantsNamed(variants: readonly GgufVariant[], tag: string): GgufVariant[] {
  const wanted = tag.toLowerCase();
  const named = variants.filter(({ name }) => name.toLowerCase() === wanted);
  if (named.length > 0) return named;
  return variants.filter(({ stem }) => {
    const before = stem.slice(0, -wanted.length);
    const ends = stem.toLowerCase().endsWith(wanted) && (before === '' || /[-.]$/.test(before));
    return ends && !UNSLOTH.test(before);
  });
}
