import { fchmodSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Crc32c } from '../../../native-bridge/crc32c.js';
import type { SavedState } from '../../contract/model.js';
import { type OpenFile, readExactly, withFile } from '../../disk/files.js';
import { statIfThere } from '../../disk/folders.js';
import { freeBytes } from '../../disk/free-bytes.js';
import { replaceFile } from '../../disk/replace-file.js';
import { asWriteError } from '../../disk/write-errors.js';
import { writeFully } from '../../disk/write-fully.js';
import { FlashrowError } from '../../errors.js';

/*
 * A file with the state of one sequence: a mark, the length of a header in JSON, the header, ids [tokens] in 32 bits,
 * what the mixer saves, and the CRC-32C of all of it. Numbers are little-endian.
 */

const MARK = Buffer.from('flashrow state 0');
/** A header has a few short fields. */
const MOST_HEADER_BYTES = 4096;
/** The checksum is taken over so many bytes at once. */
const CHUNK_BYTES = 1 << 20;

/** What a state belongs to, and what it may take. */
export interface StateOwner {
  /** Tells the model's weights and their formats, in hexadecimal. */
  model: string;
  /** How keys and values are kept. */
  stateFormat: string;
  contextSize: number;
  /** The most bytes of one sequence's state. */
  mostBytes: number;
  crc32c: Crc32c;
}

interface Header {
  model: string;
  stateFormat: string;
  tokens: number;
}

/** The state of a sequence. */
export interface HeldState {
  readonly ids: readonly number[];
  readonly save: (write: (bytes: Uint8Array) => void) => void;
}

/** Takes a state in: what `read` brings is that of `ids`. Calls `check` once it has read all. */
export type LoadHeld = (ids: readonly number[], read: (into: Uint8Array) => void, check: () => void) => void;

/**
 * Writes a state for the owner's eyes alone (mode 0600). The file is there whole, or as it was. Throws NOT_WRITABLE,
 * DISK_FULL or IO.
 */
export function saveState(
  path: string,
  { ids, save }: HeldState,
  { model, stateFormat, crc32c, mostBytes }: StateOwner,
): SavedState {
  requireFolder(path);
  spareOthers(path);
  const header: Header = { model, stateFormat, tokens: ids.length };
  const text = Buffer.from(JSON.stringify(header));
  let at = 0;
  try {
    replaceFile(path, (file) => {
      fchmodSync(file, 0o600);
      let checksum = 0;
      const write = (bytes: Uint8Array) => {
        writeFully(file, bytes, at);
        checksum = crc32c(bytes, checksum);
        at += bytes.length;
      };
      write(MARK);
      write(number32(text.length));
      write(text);
      write(new Uint8Array(Uint32Array.from(ids).buffer));
      save(write);
      write(number32(checksum));
    });
  } catch (error) {
    const space = { neededBytes: mostBytes, freeBytes: freeBytes(path) };
    throw asWriteError(error, path, space, 'choose a file in a folder that can be written');
  }
  return { tokens: header.tokens, bytes: at };
}

function requireFolder(path: string): void {
  const folder = dirname(path);
  if (statIfThere(folder) !== null) return;
  throw new FlashrowError('IO', `cannot write ${path}: there is no folder ${folder}; make it first`, {
    path,
  });
}

/** Throws NOT_WRITABLE for a file that is no saved state: somebody else's is never written over. */
export function spareOthers(path: string): void {
  const found = statIfThere(path);
  // A folder is told when it is written.
  if (!found?.isFile()) return;
  const mark = Buffer.alloc(MARK.length);
  if (found.size >= MARK.length) withFile(path, (file) => readExactly(file, 0, mark));
  if (mark.equals(MARK)) return;
  const why = 'it is there already, and is no state that flashrow saved; choose another name';
  throw new FlashrowError('NOT_WRITABLE', `cannot write ${path}: ${why}`, { path });
}

/**
 * Reads a state that `saveState` wrote. The file is checked whole before any of it counts. Throws NOT_FOUND, CORRUPT,
 * IO, BAD_USAGE where it is of another model or kept otherwise, or CONTEXT_OVERFLOW.
 */
export function loadState(path: string, load: LoadHeld, owner: StateOwner): SavedState {
  return withFile(path, (file) => {
    const { header, end } = readHeader(file, owner);
    checkWhole(file, owner.crc32c);
    const ids = new Uint32Array(header.tokens);
    let at = end;
    const read = (into: Uint8Array) => {
      if (at + into.length > file.size - 4) throw damaged(path, at, 'it ends before the state does');
      readExactly(file, at, into);
      at += into.length;
    };
    read(new Uint8Array(ids.buffer));
    load([...ids], read, () => {
      if (at !== file.size - 4) throw damaged(path, at, 'the state ends before the file does');
    });
    return { tokens: header.tokens, bytes: file.size };
  });
}

/**
 * The ids that a file holds the state of; null where it is of another model, kept otherwise, or longer than the
 * context. Throws NOT_FOUND, CORRUPT or IO. Its checksum is not looked at.
 */
export function readHeldIds(path: string, owner: StateOwner): Uint32Array | null {
  return withFile(path, (file) => {
    try {
      const { header, end } = readHeader(file, owner);
      const ids = new Uint32Array(header.tokens);
      if (end + ids.byteLength + 4 > file.size) throw damaged(path, end, 'it ends before its tokens do');
      readExactly(file, end, new Uint8Array(ids.buffer));
      return ids;
    } catch (error) {
      if (error instanceof FlashrowError && ['BAD_USAGE', 'CONTEXT_OVERFLOW'].includes(error.code)) return null;
      throw error;
    }
  });
}

function readHeader(file: OpenFile, owner: StateOwner): { header: Header; end: number } {
  const { path, size } = file;
  const start = new Uint8Array(MARK.length + 4);
  if (size < start.length + 4) throw damaged(path, size, 'it is too short');
  readExactly(file, 0, start);
  if (!MARK.equals(start.subarray(0, MARK.length))) throw damaged(path, 0, 'it is no state that flashrow saved');
  const length = new DataView(start.buffer).getUint32(MARK.length, true);
  const end = start.length + length;
  if (length > MOST_HEADER_BYTES || end + 4 > size) throw damaged(path, MARK.length, 'its header is too long');
  const text = new Uint8Array(length);
  readExactly(file, start.length, text);
  const header = parsed(path, Buffer.from(text).toString());
  checkOwner(path, header, owner);
  if (size > end + 4 * header.tokens + owner.mostBytes + 4) throw damaged(path, size, 'it is larger than such a state');
  return { header, end };
}

function parsed(path: string, text: string): Header {
  try {
    const { model, stateFormat, tokens } = JSON.parse(text) as Record<string, unknown>;
    if (
      typeof model === 'string' &&
      typeof stateFormat === 'string' &&
      Number.isSafeInteger(tokens) &&
      Number(tokens) >= 0
    )
      return { model, stateFormat, tokens: Number(tokens) };
  } catch {
    // Said below, as for any other header that is none.
  }
  throw damaged(path, MARK.length + 4, 'its header cannot be read');
}

function checkOwner(path: string, header: Header, { model, stateFormat, contextSize }: StateOwner): void {
  if (header.model !== model)
    throw new FlashrowError(
      'BAD_USAGE',
      `${path} holds the state of another model; load it with the model file that it was saved with`,
      { option: 'path', path },
    );
  if (header.stateFormat !== stateFormat)
    throw new FlashrowError(
      'BAD_USAGE',
      `${path} holds keys and values in ${header.stateFormat}, the model keeps them in ${stateFormat}; set \`tuning.state\` to ${header.stateFormat}`,
      { option: 'tuning.state', path, accepted: header.stateFormat },
    );
  if (header.tokens > contextSize)
    throw new FlashrowError(
      'CONTEXT_OVERFLOW',
      `${path} holds the state of ${header.tokens} tokens, which do not fit the context of ${contextSize}; raise \`contextSize\``,
      { tokens: header.tokens, contextSize },
    );
}

/** Throws CORRUPT unless the file ends in the checksum of what is before. */
function checkWhole(file: OpenFile, crc32c: Crc32c): void {
  const bytes = new Uint8Array(CHUNK_BYTES);
  const end = file.size - 4;
  let checksum = 0;
  for (let at = 0; at < end; at += CHUNK_BYTES) {
    const part = bytes.subarray(0, Math.min(CHUNK_BYTES, end - at));
    readExactly(file, at, part);
    checksum = crc32c(part, checksum);
  }
  const stored = new Uint8Array(4);
  readExactly(file, end, stored);
  if (!Buffer.from(stored).equals(number32(checksum))) throw damaged(file.path, end, 'its checksum does not match');
}

const damaged = (path: string, offset: number, reason: string) =>
  new FlashrowError(
    'CORRUPT',
    `${path} cannot be used: ${reason}; name a file that a state was saved to, or save it again`,
    {
      path,
      offset,
    },
  );

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
