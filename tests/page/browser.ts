import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The system's own Chromium; null where there is none. Nothing is downloaded. */
export const CHROMIUM: string | null =
  process.env.FLASHROW_CHROMIUM ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path)) ??
  null;

/** For the title of tests that are skipped. */
export const WITHOUT_BROWSER = CHROMIUM ? '' : ' (skipped: needs chromium on the PATH, or FLASHROW_CHROMIUM)';

/** Starts a browser without a window. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM!,
    // Containers run as root, and have a small /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-proxy-server'],
    timeout: 120_000,
  });
