import { open } from 'node:fs/promises';

/** What file systems say that sync files and not folders: some on the network, some of FUSE. */
const NOT_FOR_FOLDERS = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR', 'EBADF', 'EPERM', 'EACCES', 'ENOTTY'];

/**
 * Makes names in a folder survive a power cut, where the file system can: nothing that was written is lost where it
 * cannot. Does nothing on Windows, where folders cannot be opened. Throws what the file system says of a failed disk.
 */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!NOT_FOR_FOLDERS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
