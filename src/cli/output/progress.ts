import { clearLine, cursorTo } from 'node:readline';
import { type ProgressState, type ProgressUnit, plainProgressLine, progressLine } from './progress-line.js';
import { ProgressRate } from './progress-rate.js';
import { canRedraw, writesUtf8 } from './terminal.js';

export interface ProgressBar {
  /** `done` of `total`. A new `stage` begins anew. The `label` is what is shown for it, and may change within it. */
  update(stage: string, done: number, total: number, unit: ProgressUnit, label?: string): void;
  /** Takes the bar off the screen. */
  stop(): void;
}

/** Where a bar is drawn. */
interface Screen {
  readonly intervalMs: number;
  /** Drawn at once, or only where the task takes longer than an interval. */
  readonly atOnce: boolean;
  draw(state: ProgressState): void;
  clear(): void;
}

const SILENT: ProgressBar = { update() {}, stop() {} };

/**
 * Draws over the same line of a terminal. Neither wrapping nor cursor are changed, so a kill leaves nothing to mend.
 */
const LINE: Screen = {
  intervalMs: 100,
  atOnce: true,
  draw(state) {
    const { stderr } = process;
    // One column stays free: a full line would wrap.
    const line = progressLine(state, (stderr.columns || 80) - 1, writesUtf8());
    cursorTo(stderr, 0);
    stderr.write(line);
    clearLine(stderr, 1);
  },
  clear() {
    cursorTo(process.stderr, 0);
    clearLine(process.stderr, 0);
  },
};

/** A terminal that knows no escapes gets a line now and then. */
const PLAIN: Screen = {
  intervalMs: 10_000,
  atOnce: false,
  draw: (state) => process.stderr.write(`${plainProgressLine(state)}\n`),
  clear() {},
};

/** The screen that has a bar on it. */
let shown: Screen | null = null;

/** Takes a bar off the line that something else is to be written on. It draws itself again soon. */
export function clearBar(): void {
  shown?.clear();
}

/** A bar on stderr, only where that is a terminal; it appears with its first update. */
export function progressBar(): ProgressBar {
  if (!process.stderr.isTTY) return SILENT;
  return new DrawnBar(canRedraw(process.stderr) ? LINE : PLAIN);
}

class DrawnBar implements ProgressBar {
  readonly #screen: Screen;
  #stage: string | null = null;
  #latest = { label: '', share: 0, done: 0, total: 1, unit: 'share' as ProgressUnit };
  #rate = new ProgressRate();
  #shareRate = new ProgressRate();
  #timer: NodeJS.Timeout | null = null;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  update(stage: string, done: number, total: number, unit: ProgressUnit, label = stage): void {
    if (stage !== this.#stage) {
      this.#stage = stage;
      this.#latest.share = 0;
      this.#rate = new ProgressRate();
      this.#shareRate = new ProgressRate();
    }
    // Where the whole turns out to be more than was thought, the bar waits: one that goes back says nothing.
    const share = Math.max(this.#latest.share, total > 0 ? Math.min(1, done / total) : 0);
    this.#latest = { label, share, done, total, unit };
    const now = performance.now();
    this.#rate.add(done, now);
    this.#shareRate.add(share, now);
    if (this.#timer === null) this.#start();
  }

  stop(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#stage = null;
    this.#screen.clear();
    shown = null;
  }

  #start(): void {
    shown = this.#screen;
    const draw = () => this.#screen.draw(this.#state());
    this.#timer = setInterval(draw, this.#screen.intervalMs);
    // A bar keeps no program alive.
    this.#timer.unref();
    if (this.#screen.atOnce) draw();
  }

  #state(): ProgressState {
    const now = performance.now();
    // What comes after the last of it has no rate.
    if (this.#latest.share >= 1) return { ...this.#latest, perSecond: null, secondsLeft: null };
    const sharePerSecond = this.#shareRate.perSecond(now);
    return {
      ...this.#latest,
      perSecond: this.#rate.perSecond(now),
      secondsLeft: sharePerSecond === null ? null : (1 - this.#latest.share) / sharePerSecond,
    };
  }
}
