import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FileSystem {
  path: string;
  /** Changes options of the mount, such as `ro` or `size=1m`. */
  remount(options: string): void;
}

/**
 * Lends a file system in memory, mounted with `options` of tmpfs(5), and takes it away whatever happens. The script
 * runs in a mount namespace of its own, so that even a killed run leaves no mount behind.
 */
export async function withFileSystem<T>(options: string, work: (fileSystem: FileSystem) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'flashrow-mount-'));
  try {
    mount('-t', 'tmpfs', '-o', options, 'tmpfs', path);
    try {
      return await work({ path, remount: (changed) => mount('-o', `remount,${changed}`, path) });
    } finally {
      execFileSync('umount', ['--lazy', path]);
    }
  } finally {
    rmdirSync(path);
  }
}

const mount = (...args: string[]) => execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'inherit'] });
