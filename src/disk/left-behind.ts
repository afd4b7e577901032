import { closeSync, openSync } from 'node:fs';
import { lockFile } from '../../native-bridge/index.js';
import { isRunning } from './lock-holder.js';

/**
 * Whether the process that made a file or folder, and held it locked, is gone. The kernel knows who holds it open, in
 * other containers as well. Without its locks the number of the process says.
 */
export function isLeftBehind(path: string, pid: number): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    // Another process has removed it.
    return false;
  }
  try {
    const lock = lockFile(file);
    return lock === 'refused' ? !isRunning({ pid, start: null }) : lock === 'taken';
  } finally {
    closeSync(file);
  }
}
