import type { Examination } from './examination.js';
import { expertMissShare } from './expert-reuse.js';

/** What a budget takes where nobody says (plan/machine.ts). */
const BUDGET_SHARE = 0.6;
/** A model that is hard on the machine: so many times the budget. */
const TIMES_BUDGET = 2;
/** What a mixture such as Qwen3-30B-A3B multiplies of itself for a token. */
const MIXTURE_SHARE = 0.07;
/** Below these a remark is due, bytes per second and bytes. */
const [SLOW_DISK, LITTLE_MEMORY] = [200e6, 1e9];

/** In words: what to expect, what is wrong, and what to do about it. */
export function verdictOn({ cpu, memory, disk }: Omit<Examination, 'verdict'>): string[] {
  const best = disk.curve.reduce((a, b) => (b.bytesPerSecond > a.bytesPerSecond ? b : a));
  const budget = BUDGET_SHARE * memory.availableBytes;
  const model = TIMES_BUDGET * budget;
  const reading = (bytes: number) => bytes / best.bytesPerSecond;
  const computing = (bytes: number) => bytes / cpu.weightBytesPerSecond;
  // As the forecast of a plan has it: a ring reads beside everything, for an expert the token waits.
  const dense = 1 / Math.max(reading(model - budget), computing(model));
  const touched = model * MIXTURE_SHARE;
  const mixture = 1 / (reading(touched * expertMissShare(1 / TIMES_BUDGET)) + computing(touched));
  const lines = [
    `With the default budget, ${gigabytes(budget)} GB, a dense model of ${gigabytes(model)} GB would write about ${figure(dense)} tokens/s, ` +
      `a mixture of experts of that size about ${figure(mixture)}. \`flashrow plan <model>\` says it of a model at hand.`,
  ];
  const enough = disk.curve.find(({ bytesPerSecond }) => bytesPerSecond > 0.5 * best.bytesPerSecond) ?? best;
  lines.push(
    `Reads come to half of the best speed from ${kibibytes(enough.recordBytes)} KiB on: smaller rows are cheap only where most of them are not read.`,
  );
  if (disk.inMemory)
    lines.push(
      `${disk.path} is memory, not a disk, and a model there takes up what it is to save: the figures above say nothing of a disk. Name a folder on one.`,
    );
  else if (!disk.direct)
    lines.push(
      'Reads go through the page cache here: memory beside the budget fills up, and the figures above may be those of memory. Use a local file system such as ext4, xfs or btrfs.',
    );
  if (best.bytesPerSecond < SLOW_DISK)
    lines.push(
      `This disk reads ${Math.round(best.bytesPerSecond / 1e6)} MB/s at best, a hundredth of what memory gives; choose models of which little is streamed: mixtures, ReLU models, or ones that nearly fit.`,
    );
  if (cpu.unavailableReason !== null) lines.push(`The compiled kernels are not used: ${cpu.unavailableReason}.`);
  else if (cpu.kernels === 'portable')
    lines.push('The portable kernels run: this processor has no AVX2, or the compiler did not know it.');
  if (memory.availableBytes < LITTLE_MEMORY)
    lines.push(
      `Only ${Math.round(memory.availableBytes / 1e6)} MB of memory are left${memory.limitBytes === null ? '' : ' under the limit of this container'}; --memory sets a budget, and some 60 MB go beside it.`,
    );
  return lines;
}

const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
const kibibytes = (bytes: number) => Math.round(bytes / 1024);
const figure = (value: number) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
