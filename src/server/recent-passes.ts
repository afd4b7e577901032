import type { ActivitySample, LayerActivity, Model, TracedPass } from '../index.js';

/** What is kept: a replay of so much takes a second or two. */
const [MOST_PASSES, MOST_BYTES] = [512, 8e6];

/** The last passes of a model, as long as somebody looks at it. Several may look, and one of them brings the passes. */
class RecentPasses {
  /** The newest is the last one. */
  passes: TracedPass[] = [];
  layers: readonly LayerActivity[] = [];
  readonly #lookers = new Set<object>();

  join(looker: object): void {
    this.#lookers.add(looker);
  }

  /** Nobody sees what nobody looks at: the passes would have a gap. */
  leave(looker: object): void {
    this.#lookers.delete(looker);
    if (this.#lookers.size === 0) this.passes = [];
  }

  add(looker: object, { trace, layers }: ActivitySample): void {
    const [first] = this.#lookers;
    if (looker !== first) return;
    this.layers = layers;
    this.passes.push(...trace);
    const bytes = this.passes[0]?.asked.length ?? 0;
    const most = Math.min(MOST_PASSES, Math.floor(MOST_BYTES / Math.max(1, bytes)));
    if (this.passes.length > most) this.passes.splice(0, this.passes.length - most);
  }
}

const known = new WeakMap<Model, RecentPasses>();

export function recentPasses(model: Model): RecentPasses {
  const recent = known.get(model) ?? new RecentPasses();
  known.set(model, recent);
  return recent;
}
