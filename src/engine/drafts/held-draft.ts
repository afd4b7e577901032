import type { Bridge } from '../../../native-bridge/bridge.js';
import { HeldParts } from '../../dense/held-parts.js';
import type { PlanOptions } from '../../plan/model-options.js';
import type { Plan } from '../../plan/plan.js';
import { BlockDraft } from './block-draft.js';
import type { CacheExtension } from './cache-extension.js';
import type { DraftMemory } from './draft-memory.js';
import { loadDraft, type OpenedDraft } from './load-draft.js';
import { ModelDraft } from './model-draft.js';

interface HeldDraftParts {
  bridge: Pick<Bridge, 'recycleMemory'>;
  opened: OpenedDraft;
  options: PlanOptions;
  /** Of the model that it drafts for. */
  plan: Plan;
  vocabSize: number;
  /** What the cache does with the memory; null where it has no use for it. */
  extension: CacheExtension | null;
}

/** A draft model that is loaded, and that can be let go for the cache and loaded again. */
export class HeldDraft implements DraftMemory {
  readonly source: ModelDraft | BlockDraft;
  loadMs: number;
  isDrafts = true;
  readonly #parts: HeldDraftParts;
  readonly #held: HeldParts;

  private constructor(parts: HeldDraftParts, held: HeldParts, source: ModelDraft | BlockDraft, loadMs: number) {
    this.#parts = parts;
    this.#held = held;
    this.source = source;
    this.loadMs = loadMs;
  }

  /** Throws as the load of any model does. A load that fails leaves nothing behind. */
  static async load(parts: HeldDraftParts, aborted: () => boolean): Promise<HeldDraft> {
    const { opened, options, plan, vocabSize } = parts;
    const held = new HeldParts();
    try {
      const draft = await loadDraft(opened, options, plan, held, aborted);
      const source = draft.engine.hidden ? new BlockDraft(draft) : new ModelDraft(draft, vocabSize);
      return new HeldDraft(parts, held, source, draft.loadMs);
    } catch (error) {
      await held.dispose();
      throw error;
    }
  }

  /** The share of the bytes of a pass that its memory saves in the cache; 0 where the cache cannot have it. */
  get rentShare(): number {
    const { extension, plan } = this.#parts;
    return extension && this.source instanceof ModelDraft ? extension.lent.savedBytes / plan.bytesPerToken : 0;
  }

  /** What cache and draft hold by now, bytes. */
  get memory(): Pick<Plan, 'cacheBytes' | 'draftBytes'> {
    const { cacheBytes, draftBytes } = this.#parts.plan;
    if (this.isDrafts) return { cacheBytes, draftBytes };
    return { cacheBytes: cacheBytes + this.#parts.extension!.heldBytes, draftBytes: 0 };
  }

  async giveBack(): Promise<void> {
    // At once, as another call may begin a pass as soon as something is awaited.
    const { bridge, extension } = this.#parts;
    this.isDrafts = false;
    (this.source as ModelDraft).detach();
    bridge.recycleMemory(true);
    try {
      const released = this.#held.release();
      extension!.set(true);
      await released;
    } finally {
      bridge.recycleMemory(false);
    }
  }

  async take(): Promise<void> {
    const { bridge, opened, options, plan, extension } = this.#parts;
    bridge.recycleMemory(true);
    try {
      extension!.set(false);
      const source = this.source as ModelDraft;
      const draft = await loadDraft(opened, options, plan, this.#held, () => false, source);
      source.attach(draft);
      this.loadMs = draft.loadMs;
    } catch (error) {
      await this.#held.dispose();
      throw error;
    } finally {
      bridge.recycleMemory(false);
    }
    this.isDrafts = true;
  }

  dispose(): Promise<void> {
    return this.#held.dispose();
  }
}
