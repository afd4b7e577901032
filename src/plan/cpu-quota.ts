import { join } from 'node:path';
import { type ControlGroup, controlGroups, fileText } from './control-groups.js';

/**
 * Cores that the control groups of this process let it use at once, as a share: 0.5 is half a core. Null where none has
 * a quota. `root` is the folder that holds /proc and /sys.
 */
export function quotaCores(root = '/'): number | null {
  const least = Math.min(...controlGroups('cpu', root).map(coresIn));
  return Number.isFinite(least) ? least : null;
}

/** The quota is time in each period, summed over all cores. `max` and -1 are none. */
function coresIn({ version, folder }: ControlGroup): number {
  const read = (file: string) => fileText(join(folder, file))?.trim() ?? '';
  const [quota, period] =
    version === 2 ? read('cpu.max').split(' ') : [read('cpu.cfs_quota_us'), read('cpu.cfs_period_us')];
  const cores = Number(quota) / Number(period);
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}
