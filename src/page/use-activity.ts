import { useEffect, useRef, useState } from 'preact/hooks';
import { type LoadedModel, type Sample, watch } from './activity.js';
import type { Warmth } from './flash-map.js';
import { Heat } from './heat.js';
import type { ServerFailure } from './server.js';
import { Timeline } from './timeline.js';

/** What is shown of a model at work. */
export interface Activity {
  /** Null while the model is not loaded. */
  loaded: LoadedModel | null;
  heat: Heat | null;
  warmth: Warmth;
  timeline: Timeline;
  /** The sample that came last; null before the first. */
  sample: Sample | null;
  /** Where the time of the last minute's passes went, ms. */
  times: Pick<Sample, 'readWaitMs' | 'ffnMs' | 'denseMs' | 'otherMs'>;
}

const TICK_MS = 250;
const NO_TIMES = { readWaitMs: 0, ffnMs: 0, denseMs: 0, otherMs: 0 };

const fresh = (): Activity => ({
  loaded: null,
  heat: null,
  warmth: { warm: () => {} },
  timeline: new Timeline(),
  sample: null,
  times: { ...NO_TIMES },
});

/** Looks at a model, and has the page drawn again four times a second while something happens. */
export function useActivity(model: string | null, key: string, onRefused: (failure: ServerFailure) => void): Activity {
  const state = useRef<Activity>(fresh());
  const [, draw] = useState(0);
  useEffect(() => {
    if (model === null) return;
    const leaving = new AbortController();
    state.current = fresh();
    const activity = state.current;
    let changed = true;
    void watch(model, leaving.signal, {
      onModel(loaded) {
        activity.loaded = loaded;
        activity.heat = loaded && new Heat(loaded.layers);
        activity.times = { ...NO_TIMES };
        changed = true;
      },
      onSample(sample) {
        activity.sample = sample;
        activity.timeline.moveTo(performance.now());
        activity.timeline.add(sample);
        for (const name of ['readWaitMs', 'ffnMs', 'denseMs', 'otherMs'] as const) activity.times[name] += sample[name];
        activity.heat?.add(sample);
        activity.warmth.warm();
        changed = true;
      },
      onRefused,
    });
    const tick = setInterval(() => {
      const moved = activity.timeline.moveTo(performance.now()) && !activity.timeline.isEmpty;
      if (changed || moved) draw((count) => count + 1);
      changed = false;
    }, TICK_MS);
    return () => {
      leaving.abort();
      clearInterval(tick);
    };
  }, [model, key]);
  return state.current;
}
