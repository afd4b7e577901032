import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dirname, relative } from 'node:path/posix';

/*
 * Control groups limit what a container, a service or a job may take. By
 * https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html, https://docs.kernel.org/admin-guide/cgroup-v2.html and
 * proc(5).
 */

/** A group that this process is in: its own, or one above it. The files in `folder` are named by the version. */
export interface ControlGroup {
  version: 1 | 2;
  folder: string;
}

interface Mount extends ControlGroup {
  /** The group that is to be seen at the mount. In a container it may be the container's own. */
  top: string;
}

/**
 * The groups of this process that a controller may limit, each followed by those above it. `root` is the folder that
 * holds /proc and /sys. Empty where there are no groups, as outside Linux.
 */
export function controlGroups(controller: 'memory' | 'cpu', root = '/'): ControlGroup[] {
  const own = ownGroups(root, controller);
  return mounts(root, controller).flatMap((mount) => {
    const path = own[mount.version];
    return path === undefined ? [] : chain(mount, path);
  });
}

/** The path of the process's own group in the hierarchy of each version. */
function ownGroups(root: string, controller: string): { 1?: string; 2?: string } {
  const own: { 1?: string; 2?: string } = {};
  for (const line of lines(join(root, 'proc/self/cgroup'))) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') own[2] = path;
    else if (controllers?.split(',').includes(controller)) own[1] = path;
  }
  return own;
}

function mounts(root: string, controller: string): Mount[] {
  return lines(join(root, 'proc/self/mountinfo')).flatMap((line): Mount[] => {
    const [before, after = ''] = line.split(' - ');
    const [top, folder] = before.split(' ').slice(3, 5).map(unescaped);
    const [type, , options = ''] = after.split(' ');
    if (type === 'cgroup2') return [{ version: 2, top, folder: join(root, folder) }];
    return type === 'cgroup' && options.split(',').includes(controller)
      ? [{ version: 1, top, folder: join(root, folder) }]
      : [];
  });
}

/** From the group at `path` up to the one at the mount. Where `path` lies outside the mount, that one alone. */
function chain({ version, top, folder }: Mount, path: string): ControlGroup[] {
  // A process outside its namespace is in a group like `/../other`.
  const below = path.includes('/..') ? '' : relative(top, path);
  const groups: ControlGroup[] = [];
  for (let at = below.startsWith('..') ? '' : below; at !== ''; at = at.includes('/') ? dirname(at) : '')
    groups.push({ version, folder: join(folder, at) });
  return [...groups, { version, folder }];
}

/** The kernel writes spaces and the like in octal. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

const lines = (path: string): string[] => (fileText(path) ?? '').split('\n').filter((line) => line !== '');

/** The text of a file; null where it cannot be read. */
export function fileText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
