import { DEFAULT_BUDGET_SHARE } from './default-budget.js';
import type { Examination } from './examination.js';
import { expertMissShare } from './expert-reuse.js';

/** The example is a model of so many times the budget: hard on the machine, and still of use. */
const TIMES_BUDGET = 2;
/** The share of its weights that a mixture such as Qwen3-30B-A3B multiplies by for a token. */
const MIXTURE_SHARE = 0.07;
/** Smaller figures than these get a remark. Bytes per second, and bytes. */
const [SLOW_DISK, LITTLE_MEMORY] = [200e6, 1e9];

/** Says in words what speed to expect, what is wrong, and what to do about it. */
export function verdictOn({ cpu, memory, disk }: Omit<Examination, 'verdict'>): string[] {
  const best = disk.curve.reduce((a, b) => (b.bytesPerSecond > a.bytesPerSecond ? b : a));
  const budget = DEFAULT_BUDGET_SHARE * memory.availableBytes;
  const model = TIMES_BUDGET * budget;
  const reading = (bytes: number) => bytes / best.bytesPerSecond;
  const computing = (bytes: number) => bytes / cpu.weightBytesPerSecond;
  // As in the forecast of a plan: a ring reads while everything else goes on, and the token waits for an expert.
  const dense = 1 / Math.max(reading(model - budget), computing(model));
  const touched = model * MIXTURE_SHARE;
  const mixture = 1 / (reading(touched * expertMissShare(1 / TIMES_BUDGET)) + computing(touched));
  const lines = [
    `With the default budget, ${gigabytes(budget)} GB, a dense model of ${gigabytes(model)} GB would write about ${figure(dense)} tokens/s, ` +
      `a mixture of experts of that size about ${figure(mixture)}. \`planModel()\` gives the figures of one model.`,
  ];
  const enough = disk.curve.find(({ bytesPerSecond }) => bytesPerSecond > 0.5 * best.bytesPerSecond) ?? best;
  lines.push(
    `Reads of ${kibibytes(enough.recordBytes)} KiB or more reach half of the best speed. Smaller rows pay off only where a token skips most of them.`,
  );
  if (disk.inMemory)
    lines.push(
      `${disk.path} is memory, not a disk. A model there takes the memory that it should save, and the figures above are not those of a disk. Name a folder on a disk.`,
    );
  else if (!disk.direct)
    lines.push(
      'Reads go through the page cache here. It fills memory beside the budget, and the figures above may be those of memory. Use a local file system such as ext4, xfs or btrfs.',
    );
  if (best.bytesPerSecond < SLOW_DISK)
    lines.push(
      `This disk reads ${Math.round(best.bytesPerSecond / 1e6)} MB/s at best, a hundredth of the speed of memory. Choose models that stream little: mixtures, ReLU models, or models that nearly fit.`,
    );
  if (cpu.unavailableReason !== null) lines.push(`The compiled kernels are not used: ${cpu.unavailableReason}.`);
  else if (cpu.kernels === 'portable')
    lines.push('The portable kernels run, because this processor has no AVX2, or the compiler did not know it.');
  if (memory.availableBytes < LITTLE_MEMORY)
    lines.push(
      `Only ${Math.round(memory.availableBytes / 1e6)} MB of memory are left${memory.limitBytes === null ? '' : ' under the limit of this container'}; set a smaller \`memory\`, and leave some 60 MB beside it.`,
    );
  return lines;
}

const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
const kibibytes = (bytes: number) => Math.round(bytes / 1024);
const figure = (value: number) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
