import { formatBlock, formatBytes } from '../disk/format-bytes.js';
import { DEFAULT_BUDGET_SHARE } from './default-budget.js';
import type { Examination } from './examination.js';

/** Smaller figures than these get a remark. Bytes per second, and bytes. */
const [SLOW_DISK, LITTLE_MEMORY] = [200e6, 1e9];

/** Says in words what speed to expect, what is wrong, and what to do about it. */
export function verdictOn({ cpu, memory, disk }: Omit<Examination, 'verdict' | 'models'>): string[] {
  const best = disk.curve.reduce((a, b) => (b.bytesPerSecond > a.bytesPerSecond ? b : a));
  const budget = DEFAULT_BUDGET_SHARE * memory.availableBytes;
  const lines = [
    `By default a budget takes ${formatBytes(budget)} of the ${formatBytes(memory.availableBytes)} that are left${memory.limitBytes === null ? '' : ` under the limit of ${formatBytes(memory.limitBytes)}`}, and more where a model needs it. \`planModel()\` gives the figures of one model.`,
  ];
  const enough = disk.curve.find(({ bytesPerSecond }) => bytesPerSecond > 0.5 * best.bytesPerSecond) ?? best;
  lines.push(
    `Reads of ${formatBlock(enough.recordBytes)} or more reach half of the best speed. Smaller rows pay off only where a token skips most of them.`,
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
      `This disk reads ${formatBytes(best.bytesPerSecond)}/s at best, a hundredth of the speed of memory. Choose models that stream little: mixtures, ReLU models, or models that nearly fit.`,
    );
  if (cpu.unavailableReason !== null) lines.push(`The compiled kernels are not used: ${cpu.unavailableReason}.`);
  else if (cpu.kernels === 'portable')
    lines.push('The portable kernels run, because this processor has no AVX2, or the compiler did not know it.');
  if (memory.availableBytes < LITTLE_MEMORY)
    lines.push(
      `Only ${formatBytes(memory.availableBytes)} of memory are left${memory.limitBytes === null ? '' : ' under the limit of this container'}; set a smaller \`memory\`, and leave some 60 MB beside it.`,
    );
  return lines;
}
