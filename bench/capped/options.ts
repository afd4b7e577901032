import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { WritableFormat } from '../../native-bridge/formats.js';
import { FlashrowError } from '../../src/errors.js';
import type { CacheChoice, SelectorChoice } from '../../src/index.js';
import { parseBytes } from '../../src/plan/bytes.js';
import type { ActivityStatistics } from '../model/activity.js';
import { type NamedShape, parseFormat, parseShape, SHAPES } from '../model/shapes.js';
import { REPOSITORY } from '../repository.js';
import { ACTIVITY_HELP, parseActivity } from './trace.js';

/** Memory of node, its code and the command, beside flashrow's budget and overhead. */
export const NODE_BYTES = 100e6;

/** A share of the checkpoint, bytes, or no cap at all. */
export type Cap = { share: number } | { bytes: number } | null;

export interface CappedOptions {
  /** A random model of a shape, or a file that exists already. */
  model: { shape: NamedShape; format: WritableFormat } | { gguf: string };
  store: string | null;
  cap: Cap;
  select: SelectorChoice | 'trace';
  cache: CacheChoice;
  /** The recorded trace that the selector `trace` replays; null where it replays activity. */
  trace: string | null;
  /** Statistics of the activity to replay. */
  activity: ActivityStatistics;
  peer: boolean;
  promptTokens: number;
  newTokens: number;
  context: number;
  threads: number;
  rounds: number;
  models: string;
  json: string | null;
}

const MAX_THREADS = 8;

const COMMANDS = {
  'bench:capped': {
    description: 'The product and its peer under a memory cap.',
    defaults: { shape: 'llama2-7b', cap: '50%' },
  },
  'bench:steps': {
    description: 'The steps of “LLM in a flash” under one memory cap, and the peer.',
    defaults: { shape: 'relu-llama2-7b', cap: '65%' },
  },
};

export const PEERS = resolve(REPOSITORY, 'bench/peers');
export const DEFAULT_MODELS = resolve(REPOSITORY, 'bench/models');

const HELP = `
Runs flashrow and llama.cpp in turn, on the same model, prompt, context and threads. Each runs in a memory cgroup that
holds the cap and no swap (root, Linux). The model is random, made once and kept in the models folder. It is converted
outside the cap, and dropped from the page cache before every run.

flashrow's budget is the cap less the overhead that its plan states, and less ${NODE_BYTES / 1e6} MB for node. Without a cap
the budget is twice the checkpoint's size, or more where the model is tiny: everything fits then. llama.cpp has the
whole cap for its own memory and the page cache.

relu-llama2-7b is a gated Llama with ReLU, whose neurons can be read one by one. opt-6.7b is the model that the paper
measured, in f16; llama.cpp does not know it. Random weights have no sparsity of their own. With --select trace,
flashrow reads what a trace asked for, or what neurons with the statistics of --activity (by default OPT-6.7B’s) ask
for, and its output means nothing. llama.cpp runs the same file, dense.`;

/** Reads the command line. Throws BAD_USAGE, or commander's own error once it has printed the help. */
export function parseOptions(name: keyof typeof COMMANDS, args: readonly string[]): CappedOptions {
  const command = describeCommand(name).parse([...args], { from: 'user' });
  const given = command.opts<Record<string, string | undefined>>();
  const shape = parseShape(given.shape!);
  const options: CappedOptions = {
    model: given.gguf
      ? { gguf: existing('gguf', given.gguf) }
      : { shape, format: parseFormat(given.format!, shape.shape) },
    store: given.store ? resolve(given.store) : null,
    cap: parseCap(given.cap!),
    select: (given.select ?? 'auto') as SelectorChoice | 'trace',
    cache: (given.cache ?? 'auto') as CacheChoice,
    trace: given.trace ? existing('trace', given.trace) : null,
    activity: parseActivity(given.activity!),
    peer: withPeer(given.peer, given.gguf ? null : shape),
    promptTokens: wholeNumber('prompt-tokens', given.promptTokens!),
    newTokens: wholeNumber('max-tokens', given.maxTokens!),
    context: wholeNumber('context', given.context!),
    threads: wholeNumber('threads', given.threads!),
    rounds: wholeNumber('rounds', given.rounds!),
    models: resolve(given.models!),
    json: given.json ?? null,
  };
  if (options.promptTokens + options.newTokens + 1 > options.context)
    throw badUsage('context', `holds ${options.context} tokens, fewer than the prompt and the new ones; raise it`);
  return options;
}

function describeCommand(name: keyof typeof COMMANDS): Command {
  const { description, defaults } = COMMANDS[name];
  const command = new Command(name)
    .description(description)
    .addHelpText('after', HELP)
    .exitOverride()
    .option(
      '--shape <NAME>',
      `${Object.keys(SHAPES).join(', ')}, or hidden=..,ffn=..,layers=..,heads=..[,kv-heads=..][,vocab=..][,context=..]`,
      defaults.shape,
    )
    .option('--format <F>', 'format of the random matrices: f32, f16, q8_0, q4_0 or q4_1', 'q4_1')
    .option('--gguf <FILE>', 'a checkpoint to run, instead of a random one')
    .option('--store <DIR>', 'the folder of its store (default: beside it)')
    .option('--cap <SIZE>', 'a share of the checkpoint (50%), bytes (2.1GB), or none', defaults.cap)
    .option('--trace <FILE>', 'what --select trace replays: a recorded trace, or a CSV of expert routes')
    .option('--activity <STATISTICS>', 'or neurons that fire with these statistics', ACTIVITY_HELP)
    .addOption(
      new Option('--peer <NAME>', 'the peer (default: llama.cpp where it knows the architecture)').choices([
        'llama.cpp',
        'none',
      ]),
    )
    .option('--prompt-tokens <N>', 'length of the timed prompt', '16')
    .option('--max-tokens <N>', 'tokens timed after the first', '32')
    .option('--context <N>', 'context of both', '512')
    .option('--threads <T>', 'threads of both', `${Math.min(availableParallelism(), MAX_THREADS)}`)
    .option('--rounds <N>', 'how often both run, in turn', '2')
    .option('--models <DIR>', 'the folder where models are made and kept', DEFAULT_MODELS)
    .option('--json <FILE>', 'also write everything measured as JSON; - is stdout, the table then goes to stderr');
  // bench:steps chooses these itself.
  return name === 'bench:capped' ? addSelection(command) : command;
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw badUsage(option, `is a whole number from 1, not "${text}"`);
  return Number(text);
}

/** Whether the peer runs, too. Throws BAD_USAGE where it cannot run the model and was asked for. */
function withPeer(given: string | undefined, model: NamedShape | null): boolean {
  const unknown = model?.shape.family === 'opt';
  if (unknown && given === 'llama.cpp') throw badUsage('peer', 'llama.cpp has no OPT; use --peer none');
  return !unknown && given !== 'none';
}

const addSelection = (command: Command) =>
  command
    .addOption(
      new Option('--select <NAME>', 'flashrow’s selector: all for dense models, router for mixtures of experts, trace')
        .choices(['auto', 'all', 'router', 'trace'])
        .default('auto'),
    )
    .option('--cache <POLICY>', 'flashrow’s cache: auto, lru, lfu, window:K or pin', 'auto');

export function parseCap(text: string): Cap {
  if (text === 'none') return null;
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (!percent) return { bytes: parseBytes(text) };
  if (Number(percent[1]) === 0) throw badUsage('cap', 'is more than 0%');
  return { share: Number(percent[1]) / 100 };
}

function existing(option: string, path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new FlashrowError('NOT_FOUND', `--${option} ${path}: there is no such file`, { path });
  return resolve(path);
}

const badUsage = (option: string, why: string) => new FlashrowError('BAD_USAGE', `--${option} ${why}`, { option });
