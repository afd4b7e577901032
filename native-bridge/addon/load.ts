import { addonFiles, isShipped, machineName } from '../addon-files.js';
import type { Addon } from './exports.js';

let loaded: { addon: Addon } | { reason: string } | undefined;

/** Loads the addon, once; says why where it cannot be loaded. */
export function loadAddon(): { addon: Addon } | { reason: string } {
  if (loaded === undefined) {
    const machine = machineName();
    loaded = { reason: missing(machine) };
    for (const path of addonFiles(machine)) {
      loaded = loadFrom(path);
      if ('addon' in loaded) break;
    }
  }
  return loaded;
}

function missing(machine: string): string {
  const what = isShipped(machine)
    ? `the compiled kernels for ${machine}, which the package brings in its folder native-bridge/prebuilds, are not there`
    : `the package brings no compiled kernels for ${machine}`;
  return `${what}; \`npx flashrow build\` compiles them with the C++ compiler of this machine`;
}

function loadFrom(path: string): { addon: Addon } | { reason: string } {
  try {
    // As `require` does it, which bundlers would take apart.
    const module = { exports: {} };
    process.dlopen(module, path);
    return { addon: module.exports as Addon };
  } catch (error) {
    const cure = '`npx flashrow build` compiles it anew, with the C++ compiler of this machine';
    return { reason: `the native addon at ${path} cannot be loaded: ${(error as Error).message.trim()}; ${cure}` };
  }
}
