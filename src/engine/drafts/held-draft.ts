import { HeldParts } from '../../dense/held-parts.js';
import type { PlanOptions } from '../../plan/model-options.js';
import type { Plan } from '../../plan/plan.js';
import { BlockDraft } from './block-draft.js';
import type { CacheExtension } from './cache-extension.js';
import type { DraftMemory } from './draft-memory.js';
import { loadDraft, type OpenedDraft } from './load-draft.js';
import { ModelDraft } from './model-draft.js';

interface HeldDraftParts {
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
    return this.source instanceof ModelDraft ? (this.#parts.extension?.savedShare ?? 0) : 0;
  }

  giveBack(): Promise<void> {
    this.isDrafts = false;
    return this.#parts.extension!.take(() => {
      (this.source as ModelDraft).detach();
      return this.#held.release();
    });
  }

  async take(): Promise<void> {
    const { opened, options, plan, extension } = this.#parts;
    await extension!.giveBack(async () => {
      try {
        const source = this.source as ModelDraft;
        const draft = await loadDraft(opened, options, plan, this.#held, () => false, source);
        source.attach(draft);
        this.loadMs = draft.loadMs;
      } catch (error) {
        await this.#held.dispose();
        throw error;
      }
    });
    this.isDrafts = true;
  }

  dispose(): Promise<void> {
    return this.#held.dispose();
  }
}
