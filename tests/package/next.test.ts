import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TALES } from '../support/shipped.js';
import { FAST, installPacked, isPackageRun, run, skipped } from './packed.js';

const ROUTE = `import { loadModel } from 'flashrow';
export const dynamic = 'force-dynamic';
let loading;
export async function GET() {
  loading ??= loadModel(${JSON.stringify(TALES)}, { memory: '8MB', contextSize: 32 });
  const model = await loading;
  const { text } = await model.generate('Once upon a time', { maxTokens: 4 }).result;
  return Response.json({ kernels: text === '' ? 'nothing' : model.info.kernels });
}
`;
const LAYOUT = 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n';
const CONFIG = "export default { output: 'standalone', serverExternalPackages: ['flashrow'] };\n";

/** Next.js itself, beside its tracer in bundlers.test.ts: the folder that it makes runs elsewhere, without the app. */
describe.skipIf(!isPackageRun)(`an app of Next.js, standalone${skipped}`, { timeout: 600_000 }, () => {
  const folder = isPackageRun ? mkdtempSync(join(tmpdir(), 'flashrow-next-')) : '';
  const [app, elsewhere] = [join(folder, 'app-of-next'), join(folder, 'elsewhere')];
  const quiet = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    mkdirSync(join(app, 'app', 'tell'), { recursive: true });
    await installPacked(app, '--ignore-scripts', 'next@16', 'react@19', 'react-dom@19');
    writeFileSync(join(app, 'next.config.mjs'), CONFIG);
    writeFileSync(join(app, 'app', 'layout.jsx'), LAYOUT);
    writeFileSync(join(app, 'app', 'page.jsx'), 'export default () => <p>flashrow</p>;\n');
    writeFileSync(join(app, 'app', 'tell', 'route.js'), ROUTE);
    await run(process.execPath, ['node_modules/next/dist/bin/next', 'build'], { cwd: app, env: quiet, maxBuffer: 1e7 });
    cpSync(join(app, '.next', 'standalone'), elsewhere, { recursive: true, verbatimSymlinks: true });
    rmSync(app, { recursive: true });
  }, 600_000);

  it('answers from the shipped model with its kernels', async () => {
    const env = { ...quiet, PORT: '0', HOSTNAME: '127.0.0.1' };
    const server = spawn(process.execPath, ['server.js'], { cwd: elsewhere, env, stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      let warned = '';
      server.stderr.on('data', (data) => {
        warned += data;
      });
      const url = await new Promise<string>((resolve, reject) => {
        server.once('exit', () => reject(new Error(warned)));
        createInterface(server.stdout).on('line', (line) => {
          const found = /http:\/\/[\d.]+:\d+/.exec(line);
          if (found) resolve(found[0]);
        });
      });
      const response = await fetch(`${url}/tell`);
      expect(response.status, warned).toBe(200);
      const { kernels } = (await response.json()) as { kernels: string };
      expect({ kernels, warned: warned.includes('FLASHROW_SLOW_KERNELS') }).toEqual(FAST);
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  });
});
