import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../disk/folders.js';
import { formatBytes } from '../../disk/format-bytes.js';
import { freeBytes } from '../../disk/free-bytes.js';
import { removeLeftBehind } from '../../disk/replace-file.js';
import { asWriteError } from '../../disk/write-errors.js';
import { FlashrowError } from '../../errors.js';
import { commonLength } from './sequences.js';
import { type LoadHeld, loadState, readHeldIds, type StateOwner, saveState } from './state-file.js';

/** Where conversations are kept, and how much of them. */
export interface SessionSettings {
  folder: string;
  /** Of all files in it together. */
  mostBytes: number;
  /** Told, in a sentence, what could not be kept or read. */
  warn: (message: string) => void;
}

/** A file that is worth reading. */
interface Session {
  path: string;
  ids: Uint32Array;
}

const SUFFIX = '.state';
/** The ids of all files are in memory: 4 bytes for each. */
const MOST_FILES = 256;
/** A state of fewer tokens is made again sooner than it is read. */
const LEAST_TOKENS = 32;

/**
 * States of conversations in a folder: what leaves memory is kept there, and read again when a prompt goes on with it.
 * The files are those of `saveState`. The folder may be shared by models and by processes; those that were used longest
 * ago go first.
 */
export class Sessions {
  readonly #settings: SessionSettings;
  readonly #owner: StateOwner;
  #known: Session[];

  /** Throws NOT_WRITABLE, or IO, where the folder cannot be made or read. */
  constructor(settings: SessionSettings, owner: StateOwner) {
    this.#settings = settings;
    this.#owner = owner;
    const { folder } = settings;
    try {
      makeFolder(folder, 0o700);
      removeLeftBehind(folder, (name) => name.endsWith(SUFFIX));
      this.#known = this.#files().flatMap(({ path }) => this.#read(path));
    } catch (error) {
      const space = { neededBytes: settings.mostBytes, freeBytes: freeBytes(folder) };
      throw asWriteError(error, folder, space, 'choose a folder that can be written');
    }
  }

  /**
   * Reads the state that shares most tokens with a prompt, and more than `least`, by `load`. False where there is none,
   * or none that is sound: what is damaged is removed, with a warning.
   */
  restore(prompt: readonly number[], least: number, load: LoadHeld): boolean {
    for (;;) {
      const found = this.#find(prompt, least + LEAST_TOKENS);
      if (!found) return false;
      try {
        loadState(found.path, load, this.#owner);
        touch(found.path);
        return true;
      } catch (error) {
        this.#forget(found, error);
      }
    }
  }

  /** Keeps the state of `ids`, which `save` writes, in the place of one that it goes on from. */
  keep(ids: readonly number[], save: (write: (bytes: Uint8Array) => void) => void): void {
    if (ids.length < LEAST_TOKENS) return;
    const { folder, mostBytes, warn } = this.#settings;
    const session = { path: join(folder, this.#nameOf(ids)), ids: Uint32Array.from(ids) };
    try {
      if (this.#known.some(({ path }) => path === session.path) && touch(session.path)) return;
      const bytes = bytesOf(ids, save);
      if (bytes > mostBytes) {
        warn(
          `a conversation of ${ids.length} tokens was not kept: its state takes ${formatBytes(bytes)}, and \`sessionsSize\` is ${formatBytes(mostBytes)}`,
        );
        return;
      }
      for (const known of this.#known.filter((known) => isPrefix(known.ids, ids))) this.#remove(known.path);
      this.#makeRoom(bytes);
      saveState(session.path, { ids, save }, this.#owner);
      this.#known = [...this.#known.filter(({ path }) => path !== session.path), session];
    } catch (error) {
      warn(`a conversation of ${ids.length} tokens was not kept: ${(error as Error).message}`);
    }
  }

  #find(prompt: readonly number[], least: number): Session | null {
    let best: Session | null = null;
    let most = least - 1;
    for (const session of this.#known) {
      const common = commonLength(session.ids, prompt);
      if (common <= most) continue;
      best = session;
      most = common;
    }
    return best;
  }

  /** The file's session; none where it is another model's, or damaged. */
  #read(path: string): Session[] {
    try {
      const ids = readHeldIds(path, this.#owner);
      return ids ? [{ path, ids }] : [];
    } catch (error) {
      this.#forget({ path }, error);
      return [];
    }
  }

  /** Does without a file that could not be read. One that is damaged goes, as it would fail again. */
  #forget({ path }: Pick<Session, 'path'>, error: unknown): void {
    this.#known = (this.#known ?? []).filter((known) => known.path !== path);
    const code = error instanceof FlashrowError ? error.code : null;
    // Another process has removed it.
    if (code === 'NOT_FOUND') return;
    const { warn } = this.#settings;
    if (code === 'CORRUPT') rmSync(path, { force: true });
    const done = code === 'CORRUPT' ? 'it was removed' : 'it was left alone';
    // Without its advice, which is for a file that somebody named.
    const [reason] = (error as Error).message.split('; ');
    warn(`a kept conversation could not be read, so its prompt runs again, and ${done}: ${reason}`);
  }

  /** The states in the folder, those used longest ago first. */
  #files(): { path: string; bytes: number; usedAt: number }[] {
    const { folder } = this.#settings;
    return readdirSync(folder)
      .filter((name) => name.endsWith(SUFFIX))
      .flatMap((name) => {
        const path = join(folder, name);
        const found = statSync(path, { throwIfNoEntry: false });
        return found?.isFile() ? [{ path, bytes: found.size, usedAt: found.mtimeMs }] : [];
      })
      .sort((a, b) => a.usedAt - b.usedAt);
  }

  /** Removes files until another one of `bytes` fits. */
  #makeRoom(bytes: number): void {
    const files = this.#files();
    let total = files.reduce((sum, file) => sum + file.bytes, 0);
    for (let left = files.length; left > 0; left--) {
      if (total + bytes <= this.#settings.mostBytes && left < MOST_FILES) return;
      const oldest = files[files.length - left];
      this.#remove(oldest.path);
      total -= oldest.bytes;
    }
  }

  #remove(path: string): void {
    rmSync(path, { force: true });
    this.#known = this.#known.filter((known) => known.path !== path);
  }

  /** The same for the same tokens of the same model. */
  #nameOf(ids: readonly number[]): string {
    const { model, stateFormat } = this.#owner;
    const digits = createHash('sha256').update(`${model} ${stateFormat} ${ids.join()}`).digest('hex');
    return `${digits.slice(0, 32)}${SUFFIX}`;
  }
}

/** Bytes that a state takes in a file, but for a short header. */
function bytesOf(ids: readonly number[], save: (write: (bytes: Uint8Array) => void) => void): number {
  let bytes = 4 * ids.length + 1024;
  save((part) => {
    bytes += part.length;
  });
  return bytes;
}

const isPrefix = (shorter: Uint32Array, ids: readonly number[]) =>
  shorter.length < ids.length && commonLength(shorter, ids) === shorter.length;

/** Notes that a file was used; false where it is gone. */
function touch(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch {
    return false;
  }
}
