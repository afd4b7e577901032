import { Command } from 'commander';
import { FlashrowError } from '../../errors.js';
import { takeInterrupts } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addExamples, addParagraphs } from '../options/help.js';
import { addDraftOption, addModelOptions, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { badValue, bytes, integer, type OptionParser } from '../options/option-values.js';
import { inWordsOf } from '../output/command-words.js';
import { notice, printJson } from '../output/output.js';
import { namedModel } from './named-model.js';

interface ServeFlags extends ModelFlags {
  port: number;
  host: string;
  apiKey?: string;
  corsOrigins: string[];
  allowedHosts: string[];
  chatTemplate?: string;
  maxQueue: number;
  maxBody?: number;
  maxReasoningTokens?: number;
  keepAlive?: number;
  sessionsDir?: string;
  sessionsSize?: string;
  json?: boolean;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('answer requests over HTTP, by the APIs of OpenAI and Anthropic, until it is stopped')
    .argument(
      '[model...]',
      'one model or several, which share the budget (default: all that were pulled); NAME=MODEL gives one a name',
    )
    .option('--port <number>', 'the port; 0 takes one that is free', parsePort, 8080)
    .option('--host <address>', 'the address to listen at; beyond this machine a key is needed', '127.0.0.1')
    .option('--api-key <key>', 'the key that requests have to bring (default: FLASHROW_API_KEY)')
    .option('--cors-origins <origin>', 'an origin whose web pages may use it; may be repeated', more, [])
    .option('--allowed-hosts <name>', 'a name under which it is reached; may be repeated', more, [])
    .option('--chat-template <file>', "a Jinja template instead of the models' own")
    .option('--max-queue <count>', 'requests that may wait for a model', integer('--max-queue', 0), 64)
    .option('--max-body <bytes>', 'the most that a request may send, like 20MB (default: 10MB)', bytes('--max-body'))
    .option(
      '--max-reasoning-tokens <count>',
      'tokens of reasoning at most, where a request names no limit',
      integer('--max-reasoning-tokens', 0),
    )
    .option('--keep-alive <seconds>', 'unload a model that was idle so long', integer('--keep-alive', 1))
    .option(
      '--sessions-dir <folder>',
      'keep conversations that leave memory in this folder, also for the next start; they hold what was said',
    )
    .option('--sessions-size <bytes>', 'the most that the folder takes, like 2GB (default: 4GB)');
  addParagraphs(
    command,
    'A model is loaded when it is first asked for; a single one at once. Several share one budget: where one does not fit beside the others, those go that have been idle longest.',
    'SIGTERM or Ctrl-C takes no new requests and answers those that are there; a second one ends it at once.',
  );
  addExamples(
    command,
    ['flashrow serve model.gguf', 'serve at http://127.0.0.1:8080/v1'],
    ['flashrow serve small=a.gguf large=b.gguf --memory 8GB', 'two models under one budget'],
  );
  return addDraftOption(addModelOptions(command)).action(serve);
}

async function serve(models: string[], flags: ServeFlags, command: Command): Promise<void> {
  const { port, host, maxQueue, corsOrigins: origins, allowedHosts, sessionsDir, sessionsSize } = flags;
  const apiKey = keyOf(flags);
  const { createServer, isLoopback, listen } = await import('../../server/index.js');
  if (apiKey === undefined && !isLoopback(host))
    throw new FlashrowError(
      'BAD_USAGE',
      `--host ${host} lets other machines in; give a key with --api-key or FLASHROW_API_KEY`,
      { option: '--api-key' },
    );
  if (sessionsSize !== undefined && sessionsDir === undefined)
    throw new FlashrowError('BAD_USAGE', '--sessions-size goes with --sessions-dir', { option: '--sessions-size' });
  const { memory, ...modelOptions } = toModelOptions(flags);
  const options = { ...modelOptions, sessionsDir, sessionsSize };
  const template = flags.chatTemplate === undefined ? undefined : await readText('--chat-template', flags.chatTemplate);
  const found = await Promise.all(
    (await modelsOf(models, flags)).map(async (given) => {
      const [, name, model] = /^([^=/\\]+)=(.+)$/.exec(given) ?? [];
      const source = await namedModel(model ?? given, flags.cacheDir);
      return { source, options, template, ...(name === undefined ? {} : { name }) };
    }),
  );
  const served = await servable(found, models.length > 0, flags);
  const wording = inWordsOf(new Set(command.options.map(({ long }) => long)));
  const server = createServer({
    ...{ models: served, memory, apiKey, origins, maxQueue, keepAliveSeconds: flags.keepAlive },
    ...{ maxBodyBytes: flags.maxBody, maxReasoningTokens: flags.maxReasoningTokens, wording },
    hosts: allowedHosts.length > 0 ? allowedHosts : undefined,
    onError: (error) => notice(`note: ${wording(error instanceof Error ? error.message : String(error))}`),
  });
  try {
    if (served.length === 1) await server.load();
    const listening = await listen(server, { port, host }).catch((error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is taken' : error.message;
      throw new FlashrowError('IO', `port ${port} of ${host} cannot be had: ${reason}`, { errno: error.code });
    });
    if (flags.json) printJson({ url: listening.url });
    else notice(`listening at ${listening.url}/v1, with a page at ${listening.url}; Ctrl-C ends it`);
    await untilEnded((drain) => listening.close({ drain }));
  } finally {
    await server.close();
  }
}

/**
 * A model that is loaded later would tell its clients what was wrong with the command. What was not named, and cannot
 * be served, is left out with a word.
 */
async function servable<T extends { source: string }>(models: T[], areNamed: boolean, flags: ServeFlags): Promise<T[]> {
  const { context, cacheDir } = flags;
  // A single one is loaded before anybody asks.
  if (context === undefined && models.length === 1) return models;
  const { examineModel } = await import('../../index.js');
  const served: T[] = [];
  for (const model of models) {
    const { source } = model;
    const examined = await examineModel(source, { cacheDir }).catch((error: unknown) => {
      if (areNamed || !(error instanceof FlashrowError)) throw error;
      notice(`note: ${source} is left out: ${error.message}`);
      return null;
    });
    if (examined === null) continue;
    const { contextLength } = examined;
    if (context !== undefined && context > contextLength)
      throw new FlashrowError('BAD_USAGE', `--context is from 1 to ${contextLength} for ${source}, not ${context}`, {
        option: '--context',
      });
    served.push(model);
  }
  if (served.length > 0) return served;
  throw new FlashrowError('BAD_USAGE', 'none of the models that were pulled can be served: name one that can');
}

/** Those that were named, else all that were pulled. */
async function modelsOf(given: readonly string[], { cacheDir }: ServeFlags): Promise<readonly string[]> {
  if (given.length > 0) return given;
  const { listModels } = await import('../../index.js');
  const names = (await listModels({ cacheDir })).filter(({ kind }) => kind === 'pulled').map(({ name }) => name);
  if (names.length > 0) return names;
  throw new FlashrowError('BAD_USAGE', 'there is no model to serve: name one, or fetch one with `flashrow pull`');
}

/** Ends with the first signal once all is answered, with the second at once. */
async function untilEnded(close: (drain: boolean) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let asked = false;
    const release = takeInterrupts(() => {
      if (!asked) notice('ending: what is under way is answered first');
      close(!asked).then(() => {
        release();
        resolve();
      }, reject);
      asked = true;
    });
  });
}

/** An empty key would let everybody in. */
function keyOf({ apiKey }: ServeFlags): string | undefined {
  if (apiKey === '') throw badValue('--api-key', apiKey, 'a text that is not empty');
  return apiKey ?? (process.env.FLASHROW_API_KEY || undefined);
}

const more = (text: string, before: string[]): string[] => [...before, text];

const parsePort: OptionParser<number> = (text) => {
  const port = integer('--port', 0)(text);
  if (port > 65535) throw badValue('--port', text, 'a whole number up to 65535');
  return port;
};
