import { SingleBar } from 'cli-progress';
import { formatBytes, formatCount } from './format.js';

export interface ProgressBar {
  update(label: string, done: number, total: number): void;
  /** Takes the bar off the screen. */
  stop(): void;
}

const SILENT: ProgressBar = { update() {}, stop() {} };

/** A bar on stderr, only where that is a terminal; it appears with its first update. */
export function progressBar(unit: 'bytes' | 'count' | 'share'): ProgressBar {
  if (!process.stderr.isTTY) return SILENT;
  const format = unit === 'bytes' ? formatBytes : formatCount;
  const bar = new SingleBar({
    stream: process.stderr,
    format:
      unit === 'share'
        ? '{label} [{bar}] {percentage}%, {eta_formatted} left'
        : '{label} [{bar}] {percentage}%  {value} of {total}',
    formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? format(value) : String(value)),
    clearOnComplete: true,
    // Its own SIGINT listener would take the place of the second Ctrl-C.
    gracefulExit: false,
  });
  return {
    update(label, done, total) {
      if (!bar.isActive) bar.start(total, done, { label });
      bar.setTotal(total);
      bar.update(done, { label });
    },
    stop: () => bar.stop(),
  };
}
