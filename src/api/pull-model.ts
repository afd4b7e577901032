import { fromShape } from '../contract/failure.js';
import type { LoadOptions } from '../contract/model.js';
import type { Progress } from '../contract/progress.js';
import type { PullEvent } from '../contract/protocol.js';
import type { PlannedPull, PulledModel } from '../contract/pulled-model.js';
import type { FlashrowError } from '../errors.js';
import { expect, type OptionTable } from './checks/check-arguments.js';
import { hubSettings } from './hub-settings.js';
import { inWorker, plainOptions } from './in-worker.js';
import { CALLBACK, LOAD_OPTIONS, requireModelOptions, YES_OR_NO } from './option-tables.js';

/** Options of `pullModel`: how to reach the hub, and the options that the model is planned with. */
export interface PullOptions extends LoadOptions {
  /**
   * Branch, tag or commit.
   * @default `'main'`
   */
  revision?: string | undefined;
  /**
   * A user's token, for models that are not open to all.
   * @default `HF_TOKEN`
   */
  token?: string | undefined;
  /**
   * The URL of another hub.
   * @default `HF_ENDPOINT`, else `https://huggingface.co`
   */
  endpoint?: string | undefined;
  /**
   * ms without a byte after which a connection is tried anew.
   * @default 30,000
   */
  stallMs?: number | undefined;
  /**
   * Says what a pull would take, and fetches headers alone.
   * @default `false`
   */
  dryRun?: boolean | undefined;
  /** Ends the pull; the promise then rejects with `signal.reason`. The next call goes on where it stopped. */
  signal?: AbortSignal | undefined;
  /** Is told of what is compared and fetched. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Is told what the pull takes, before the weights are fetched. An error thrown in it ends the pull: nothing is
   * fetched then. */
  onPlan?: ((planned: PlannedPull) => void) | undefined;
  /** Is told of a failure that may pass, before the wait of `ms` for another try. */
  onRetry?: ((failure: FlashrowError, ms: number) => void) | undefined;
}

const OPTIONS: OptionTable<PullOptions> = {
  ...LOAD_OPTIONS,
  // hub-settings.ts checks these, and the environment's variables in their place.
  ...{ revision: null, token: null, endpoint: null, stallMs: null },
  ...{ dryRun: YES_OR_NO, onPlan: CALLBACK, onRetry: CALLBACK },
};

/**
 * Fetches a model from the Hugging Face hub into the cache folder: `organization/repository`, or
 * `organization/repository:Q4_K_M` where it holds several GGUF files. It compares digests, and goes on where an earlier
 * call was cut short. Afterwards `loadModel` takes the name.
 * @throws BAD_USAGE, NOT_FOUND, UNSUPPORTED, CORRUPT, DISK_FULL where there is no room for the model and what it is
 * converted to, NOT_WRITABLE, BUSY while another process pulls it, IO, or `signal.reason`
 */
export async function pullModel(name: string, options: PullOptions = {}): Promise<PulledModel> {
  expect(typeof name === 'string' && name !== '', 'name', name, "a model's name on a hub, like org/repo:Q4_K_M");
  requireModelOptions('pullModel()', options, OPTIONS);
  const { dryRun = false, signal, onProgress, onPlan, onRetry } = options;
  const args = { name, options: plainOptions(options), hub: hubSettings(options) };
  const onEvent = (event: PullEvent) => {
    if ('failure' in event) onRetry?.(fromShape(event.failure), event.ms);
    else onProgress?.(event);
  };
  const began = performance.now();
  return inWorker(async (channel) => {
    const { path, ...planned } = await channel.call('planPull', args, { signal, onEvent });
    onPlan?.(planned);
    if (!dryRun) return channel.call('pull', {}, { signal, onEvent });
    return { ...planned, path, fetchedBytes: 0, seconds: (performance.now() - began) / 1000 };
  });
}
