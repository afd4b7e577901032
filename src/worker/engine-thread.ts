import { parentPort, workerData } from 'node:worker_threads';
import { nativeUnavailableReason } from '../../native-bridge/index.js';
import { FLAGS, type Method, type Reply, type Request, type WorkerStart } from '../contract/protocol.js';
import type { ModelHost } from '../engine/model-host.js';
import { FlashrowError } from '../errors.js';
import { toShape } from './failure-shape.js';
import * as fileWork from './file-work.js';
import * as modelWork from './model-work.js';

/** The thread in which everything heavy happens; protocol.ts says what it can be asked for. */
const port = parentPort!;
const flags = new Int32Array((workerData as WorkerStart).flags);
const watchers = new Int32Array((workerData as WorkerStart).watchers!);
/** The calls of file-work.ts and model-work.ts, which can be stopped anywhere. */
const FILE_WORK: ReadonlySet<Method> = new Set<Method>([
  ...(['plan', 'convert', 'verify', 'prepare', 'replay', 'examine', 'list', 'remove', 'planPull', 'pull'] as const),
]);
/** The calls that compute, and whose speed the kernels make. */
const COMPUTE: ReadonlySet<Method> = new Set<Method>(['plan', 'open', 'prepareSelf', 'calibrate', 'compare']);
let host: ModelHost | null = null;
/** The store that was opened. */
let store: { path: string; cacheDir: string | undefined } | null = null;
/** By the number of the call. */
const running = new Map<number, AbortController>();

port.on('message', async (request: Request) => {
  if ('abort' in request) {
    running.get(request.abort)?.abort(new FlashrowError('ABORTED', 'the work was aborted'));
    return;
  }
  const { id, flag } = request;
  const controller = new AbortController();
  const aborted = () => flag !== undefined && Atomics.load(flags, flag) !== 0;
  const busy = FILE_WORK.has(request.method) ? 0 : 1;
  running.set(id, controller);
  Atomics.add(flags, FLAGS.busy, busy);
  const reply = (message: Reply) => port.postMessage(message);
  const slowKernels = COMPUTE.has(request.method) && process.env.FLASHROW_ISA !== 'ts' && nativeUnavailableReason();
  if (slowKernels) reply({ slowKernels });
  try {
    const activity = host?.activity;
    activity?.begin();
    const work = perform(request, controller.signal, aborted, (event) => reply({ id, event }));
    reply({ id, result: await work.finally(() => activity?.end()) });
  } catch (error) {
    reply({ id, error: toShape(error, { isMixture: (host?.info.experts ?? 0) > 0, store }) });
  } finally {
    running.delete(id);
    Atomics.sub(flags, FLAGS.busy, busy);
    Atomics.notify(flags, FLAGS.busy);
  }
});

async function perform(
  request: Exclude<Request, { abort: number }>,
  signal: AbortSignal,
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
): Promise<unknown> {
  if ('store' in request.args && 'options' in request.args)
    store = { path: request.args.store, cacheDir: request.args.options.cacheDir };
  switch (request.method) {
    case 'plan':
      return fileWork.plan(request.args, signal);
    case 'convert':
      return fileWork.convert(request.args, signal, onEvent);
    case 'applyDelta':
      return fileWork.applyDelta(request.args, signal, onEvent);
    case 'verify':
      return fileWork.verify(request.args, signal, onEvent);
    case 'prepare':
      return fileWork.prepare(request.args, signal, onEvent);
    case 'replay':
      return modelWork.replay(request.args);
    case 'examine':
      return modelWork.examine(request.args);
    case 'list':
      return modelWork.list(request.args);
    case 'remove':
      return modelWork.remove(request.args);
    case 'planPull':
      return modelWork.planPull(request.args, signal, onEvent);
    case 'pull':
      return modelWork.pull(signal, onEvent);
    case 'prepareSelf': {
      const { prepareShadow } = await import('../engine/drafts/self/prepare-shadow.js');
      await prepareShadow(request.args, aborted, onEvent);
      return null;
    }
    case 'calibrate': {
      const { calibrateStore } = await import('../calibrate/calibrate-store.js');
      return calibrateStore(request.args, aborted, onEvent);
    }
    case 'compare': {
      const { compareSelectors } = await import('../calibrate/compare-selectors.js');
      return compareSelectors(request.args, aborted, onEvent);
    }
    case 'open': {
      // Loaded on demand: the other jobs do without the engine and its memory.
      const { openHost } = await import('../engine/open-host.js');
      const { sessions, ...args } = request.args;
      const warn = (warning: string) => port.postMessage({ warning } satisfies Reply);
      host = await openHost({ ...args, sessions: sessions && { ...sessions, warn } }, aborted, onEvent);
      host.activity.showTo({
        closeness: () => (Atomics.load(watchers, 1) > 0 ? 2 : Atomics.load(watchers, 0) > 0 ? 1 : 0),
        show: (activity) => port.postMessage({ activity } satisfies Reply),
      });
      return { info: host.info, plan: host.plan, idle: host.idle, layers: host.layers };
    }
    case 'generate':
      return loaded().generate(request.args, aborted, onEvent);
    case 'logprobs':
      return loaded().logprobs(request.args, aborted);
    case 'evaluate':
      return loaded().evaluate(request.args, aborted, onEvent);
    case 'saveState':
      return loaded().saveState(request.args);
    case 'loadState':
      return loaded().loadState(request.args);
    case 'close':
      await host?.dispose();
      host = null;
      return null;
  }
}

function loaded(): ModelHost {
  if (!host) throw new FlashrowError('ABORTED', 'the model has been disposed');
  return host;
}
