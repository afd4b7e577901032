const ENDS: Readonly<Record<string, string>> = {
  EACCES: 'the system does not permit it',
  EBUSY: 'something else is using it',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'something of this name is there already',
  EFBIG: 'the file would be larger than the system permits',
  EIO: 'the disk failed',
  EISDIR: 'it is a folder, not a file',
  ELOOP: 'its links lead in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOTEMPTY: 'the folder is not empty',
  EPERM: 'the system does not permit it',
  EROFS: 'the file system is read-only',
};

/** Calls that make something: where they find no folder, it is the system's own, like /proc. */
const MAKING = ['mkdir', 'mkdtemp'];

/** A message of Node's: `ENOENT: no such file or directory, open '/nope/x'`, or `..., rename 'a' -> 'b'`. */
const SYSTEM_MESSAGE = /\b(E[A-Z]+): [\w\s-]+, (\w+)(?: '([^']*)')?(?: -> '[^']*')?/g;

/** A message with what the system said in words. Its code stays, for whoever looks it up. */
export const inPlainWords = (message: string): string =>
  message.replace(SYSTEM_MESSAGE, (said, code: string, call: string, path: string | undefined, at: number) => {
    const end = code === 'ENOENT' && MAKING.includes(call) ? 'nothing can be made there' : ENDS[code];
    if (end === undefined) return said;
    const where = at === 0 && path !== undefined ? `${path}: ` : '';
    return `${where}${end} (${code})`;
  });

/** True where a message is the system's alone, and says that a path leads to nothing. */
export const tellsOfNothing = (message: string): boolean => /^(?:ENOENT|ENOTDIR): /.test(message);
