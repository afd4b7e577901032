import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** A module of tools/, which is JavaScript. */
const tool = (name: string) => import(new URL(`../../tools/${name}`, import.meta.url).href);
const { inspectBinary } = await tool('inspect-binary.mjs');
const { TARGETS, targetPath } = await tool('targets.mjs');

/** Libraries that every system of the kind has. */
const LIBRARIES: Record<string, RegExp> = {
  linux: /^(libc\.so(\.6)?|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(KERNEL32|ntdll|api-ms-win-crt-[a-z]+-l1-1-0)\.dll$/i,
};

// Packing compiles for this machine alone what is missing, with the compiler that is here. That is no release.
const isRelease = Object.keys(TARGETS).every((name) => existsSync(targetPath(name)));
const missing = isRelease ? '' : ' (skipped: not compiled here; npm run prebuilds)';

describe('the addon that is shipped for', () => {
  for (const name of Object.keys(TARGETS)) {
    const path = targetPath(name);
    it.skipIf(missing !== '')(`${name} asks for nothing that its system may lack${missing}`, () => {
      const [platform, arch, libc] = name.split('-');
      const found = inspectBinary(readFileSync(path));
      expect(found.arch).toBe(arch);
      const entry = platform === 'darwin' ? '_napi_register_module_v1' : 'napi_register_module_v1';
      expect(found.exports).toContain(entry);
      expect(found.needs.filter((library: string) => !LIBRARIES[platform].test(library))).toEqual([]);
      if (libc === 'glibc') expect(found.glibc).toMatch(/^2\.(\d|1[0-7])(\.\d+)?$/);
      if (libc === 'musl') expect(found.glibc).toBeNull();
      // Without a signature an ARM Mac loads nothing.
      if (name === 'darwin-arm64') expect(found.signed).toBe(true);
      if (platform === 'darwin') expect(found.minimum).toBe('11.0');
      if (platform === 'linux') expect(found.imports.filter((symbol: string) => /^_Z/.test(symbol))).toEqual([]);
    });
  }
});
