import { expect, it } from 'vitest';
import { createServer, listen, type ServerOptions } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';

const told = (options: unknown): unknown => {
  try {
    createServer(options as ServerOptions);
  } catch (error) {
    return error;
  }
  return null;
};

it.each([
  [{ models: [TALES], apikey: 'k' }, 'did you mean `apiKey`'],
  [{ models: [TALES], apiKey: '' }, 'apiKey is a text that is not empty'],
  [{ models: [TALES], memry: '16MB' }, 'did you mean `memory`'],
  [{ models: [TALES], maxQueue: -1 }, 'maxQueue is a whole number from 0'],
  [{ models: [{ source: TALES, nme: 'x' }] }, 'did you mean `models[0].name`'],
  [{ models: [TALES, { source: TALES, options: { memory: '1MB' } }] }, '`models[1].options.memory` is no option'],
  [{ models: [{ source: TALES, options: { contxt: 1 } }] }, '`models[0].options.contxt` is no option'],
  [{ models: [{ source: TALES, options: { tuning: { cach: 'lru' } } }] }, '`models[0].options.tuning.cache`'],
  [{ models: [{ name: 'x' }] }, 'models[0].source is a path'],
  [{ models: [TALES, TALES] }, 'two models have the name "tales"'],
  [{ models: [] }, 'at least one model'],
  [{ models: 'path' }, 'models is an array'],
  [{}, 'models is missing'],
  [undefined, 'options are an object'],
])('createServer takes no options that it does not know: %j', (options, message) => {
  expect(told(options)).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining(message) });
});

it('listen takes no options that it does not know, and lets no machine in where none was told to be', async () => {
  const server = createServer({ models: [TALES] });
  const refusals = [
    [{ prt: 5 }, 'did you mean `port`'],
    [{ port: -1 }, 'port is a whole number from 0 to 65535'],
    [{ port: 0, host: '' }, 'host is an address'],
    [{ port: 0, host: '0.0.0.0' }, 'lets other machines in'],
  ] as const;
  for (const [options, message] of refusals)
    await expect(listen(server, options as object)).rejects.toMatchObject({
      code: 'BAD_USAGE',
      message: expect.stringContaining(message),
    });
  await server.close();
  for (const more of [{ apiKey: 'k' }, { hosts: ['box'] }]) {
    const told = createServer({ models: [TALES], ...more });
    await (await listen(told, { port: 0, host: '0.0.0.0' })).close();
  }
});
