import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const RUNTIME = new URL('../../dist/src/dense/onnx-runtime.js', import.meta.url).href;

/** Resolves the package as Node does where it is not installed. */
const HIDE = `export function resolve(specifier, context, next) {
  if (specifier !== 'onnxruntime-node') return next(specifier, context);
  throw Object.assign(new Error("Cannot find package 'onnxruntime-node'"), { code: 'ERR_MODULE_NOT_FOUND' });
}`;

it('an installation without ONNX Runtime says what to install', async () => {
  const hooks = JSON.stringify(`data:text/javascript,${encodeURIComponent(HIDE)}`);
  const program = `import { register } from 'node:module';
    register(${hooks});
    const { loadOnnxRuntime } = await import(${JSON.stringify(RUNTIME)});
    await loadOnnxRuntime().catch(({ code, message }) => console.log(code, message));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program]);
  expect(stdout).toMatch(/^UNSUPPORTED .*`npm i onnxruntime-node`/);
});
