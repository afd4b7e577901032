import { formatBlock } from '../../disk/format-bytes.js';
import type { Examination } from '../../plan/examination.js';
import { formatBytes, formatRows, formatShare, formatTable } from './format.js';

const BAR = 24;

/** An examination for people: the machine, the read curve as a chart, the verdict. */
export function formatExamination({ node, onnxRuntime, cpu, memory, disk, models, verdict }: Examination): string {
  const others = cpu.available.filter((isa) => isa !== cpu.kernels);
  const rows: [string, string][] = [
    ['processor', `${cpu.model}, ${cpu.cores} cores, ${cpu.threads} used`],
    [
      'kernels',
      `${cpu.kernels}, ${formatBytes(cpu.weightBytesPerSecond)}/s of q8_0 weights for one token${others.length > 0 ? ` (there are also ${others.join(', ')})` : ''}`,
    ],
    [
      'memory',
      `${formatBytes(memory.availableBytes)} left of ${formatBytes(memory.limitBytes ?? memory.totalBytes)}${memory.limitBytes === null ? '' : ' that the container may take'}`,
    ],
    ['disk', `${disk.path}, ${formatBytes(disk.freeBytes)} free, ${readWay(disk)}`],
    ['software', `Node ${node}, ${onnxRuntime === null ? 'no ONNX Runtime' : `ONNX Runtime ${onnxRuntime}`}`],
  ];
  return [formatRows(rows), '', chart(disk.curve), '', ...verdict, '', known(models)].join('\n');
}

const readWay = ({ inMemory, direct }: Examination['disk']): string =>
  inMemory ? 'in memory: no disk is read' : `reads ${direct ? 'past' : 'through'} the page cache`;

/** What models that people know would do here. */
function known(models: Examination['models']): string {
  const rows = models.map(({ name, fileBytes, fits, cachedShare, tokensPerSecond }) => [
    name,
    formatBytes(fileBytes),
    fits ? formatShare(cachedShare) : 'does not fit',
    tokensPerSecond === null ? '-' : tokensPerSecond.toPrecision(2),
  ]);
  return formatTable([['reckoned for models in 4 bits', 'file', 'FFN in memory', 'tokens/s'], ...rows]);
}

/** A line for each record size: the speed at every depth, and a bar for the best of them. */
function chart(curve: Examination['disk']['curve']): string {
  const sizes = [...new Set(curve.map(({ recordBytes }) => recordBytes))];
  const depths = [...new Set(curve.map(({ depth }) => depth))];
  const best = Math.max(...curve.map(({ bytesPerSecond }) => bytesPerSecond));
  const speedOf = (recordBytes: number, depth: number) =>
    curve.find((point) => point.recordBytes === recordBytes && point.depth === depth)?.bytesPerSecond ?? 0;
  const lines = formatTable([
    ['reads of', ...depths.map((depth) => `${depth} in flight`)],
    ...sizes.map((size) => [
      formatBlock(size),
      ...depths.map((depth) => `${formatBytes(Math.round(speedOf(size, depth)))}/s`),
    ]),
  ]).split('\n');
  const bars = sizes.map((size) => {
    const speed = Math.max(...depths.map((depth) => speedOf(size, depth)));
    return '\u2588'.repeat(Math.max(1, Math.round((BAR * speed) / best)));
  });
  return lines.map((line, at) => (at === 0 ? line : `${line}  ${bars[at - 1]}`)).join('\n');
}
