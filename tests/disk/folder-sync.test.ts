import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-sync-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** fsync as some file systems have it: for files alone. It fails with the errno that the environment names. */
const SOURCE = `#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int fsync(int fd) {
  struct stat found;
  if (fstat(fd, &found) != 0 || !S_ISDIR(found.st_mode)) return syscall(SYS_fsync, fd);
  errno = atoi(getenv("FOLDER_FSYNC_ERRNO"));
  return -1;
}`;
const library = join(folder, 'fsync.so');
writeFileSync(join(folder, 'fsync.c'), SOURCE);
const hasCompiler =
  process.platform === 'linux' &&
  spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'fsync.c')]).status === 0;

/** What syncing a folder throws there; empty where nothing. */
function sync(errno: number): string {
  const module = new URL('../../dist/src/disk/folder-sync.js', import.meta.url).href;
  const program = `import { syncFolder } from ${JSON.stringify(module)};
    await syncFolder(${JSON.stringify(folder)}).catch((error) => console.log(error.code));`;
  const env = { ...process.env, LD_PRELOAD: library, FOLDER_FSYNC_ERRNO: String(errno) };
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' }).stdout.trim();
}

describe.skipIf(!hasCompiler)(
  'a file system that refuses to sync folders (skipped but on Linux with a compiler)',
  () => {
    const { EINVAL, ENOTSUP, EISDIR, EBADF, EPERM, ENOSYS, EIO, ENOSPC } = constants.errno;

    it.each(Object.entries({ EINVAL, ENOTSUP, EISDIR, EBADF, EPERM, ENOSYS }))('with %s will do', (_, errno) => {
      expect(sync(errno)).toBe('');
    });

    it.each(Object.entries({ EIO, ENOSPC }))('is not meant where it is %s: the disk fails', (name, errno) => {
      expect(sync(errno)).toBe(name);
    });
  },
);
