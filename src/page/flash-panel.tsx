import type { LoadedModel, Sample } from './activity.js';
import { Budgets } from './budgets.js';
import { Chart } from './chart.js';
import { bytes, digits, percent, perSecond, seconds } from './figures.js';
import { FlashMap } from './flash-map.js';
import { Shares } from './shares.js';
import type { Step, Timeline } from './timeline.js';
import type { Activity } from './use-activity.js';
import { type Forecast, useForecast } from './use-forecast.js';

/** The flash at work. */
export function FlashPanel({ model, activity }: { model: string; activity: Activity }) {
  const { loaded, heat, warmth } = activity;
  const forecast = useForecast(model, loaded);
  if (loaded === null || heat === null)
    return <p class="faint">The model is not loaded. It is loaded when you ask it something.</p>;
  const { rows } = heat;
  const label = `${rows} layers; of the last moment: ${heat.lastHit} units found in memory, ${heat.lastRead} read`;
  return (
    <>
      <figure>
        <figcaption>
          Layers (down) and their {unitName(loaded)} (across) <Legend />
        </figcaption>
        <FlashMap {...{ heat, warmth, label }} />
      </figure>
      <Charts timeline={activity.timeline} disk={forecast?.diskBytesPerSecond ?? null} />
      <Memory loaded={loaded} sample={activity.sample} />
      <Times times={activity.times} />
      <Budgets {...{ model, loaded }} now={forecast} />
      <p class="faint small">
        {loaded.exact ? 'Exact' : 'Not exact'}: selector {loaded.selector}, cache {loaded.cachePolicy}, kernels{' '}
        {loaded.kernels}, context of {loaded.contextSize} tokens.
      </p>
    </>
  );
}

/** Units that are one bundle each are called by what they are. */
function unitName({ layers, selector }: LoadedModel): string {
  if (selector === 'router') return 'experts';
  return layers.every(({ units, bundles }) => units === bundles) && selector !== 'all' ? 'neurons' : 'slices';
}

const Legend = () => (
  <span class="legend">
    <span>
      <i class="dot read" />
      read
    </span>
    <span>
      <i class="dot hit" />
      found in memory
    </span>
  </span>
);

const rate = (of: (step: Step) => number) => (step: Step) => (step.ms > 0 ? (1000 * of(step)) / step.ms : null);
const tokenRate = rate(({ tokens }) => tokens);
const byteRate = rate((step) => step.bytes);
const hitShare = ({ hit, missed }: Step) => (hit + missed > 0 ? hit / (hit + missed) : null);

function Charts({ timeline, disk }: { timeline: Timeline; disk: Forecast['diskBytesPerSecond'] }) {
  const series = (of: (step: Step) => number | null): [number[], (number | null)[]] => [
    timeline.seconds,
    timeline.steps.map(of),
  ];
  const last = (of: (step: Step) => number | null, format: (value: number) => string) => {
    const value = timeline.steps
      .map(of)
      .filter((each) => each !== null)
      .at(-1);
    return value == null ? '' : format(value);
  };
  return (
    <>
      <Chart title="Tokens/s, prompts too" now={last(tokenRate, digits)} data={series(tokenRate)} format={digits} />
      <Chart
        {...{ title: 'Read from flash', now: last(byteRate, perSecond), data: series(byteRate), format: perSecond }}
        limit={disk}
        limitName={disk === null ? undefined : `(line: ${perSecond(disk)}, what the file was timed at)`}
      />
      <Chart
        {...{ title: 'Found in memory', now: last(hitShare, percent), data: series(hitShare), format: percent }}
        most={1}
      />
    </>
  );
}

function Memory({ loaded, sample }: { loaded: LoadedModel; sample: Sample | null }) {
  const held = sample?.memoryBytes ?? loaded.memoryBytes;
  const { residentBytes, scratchBytes, cacheBytes, budgetBytes } = loaded;
  const stateBytes = held - residentBytes - scratchBytes - cacheBytes;
  return (
    <Shares
      title={`Memory: ${bytes(held)} of the budget of ${bytes(budgetBytes)}`}
      parts={[
        { name: 'resident', value: residentBytes, tone: 1 },
        { name: 'conversation', value: stateBytes, tone: 2 },
        { name: 'buffers', value: scratchBytes, tone: 3 },
        { name: 'cache', value: cacheBytes, tone: 4 },
      ]}
      whole={budgetBytes}
      format={bytes}
    />
  );
}

function Times({ times: { readWaitMs, ffnMs, denseMs, otherMs } }: Pick<Activity, 'times'>) {
  return (
    <Shares
      title="Where the time went, since the page was opened"
      parts={[
        { name: 'waiting for flash', value: readWaitMs, tone: 1 },
        { name: 'feed-forward', value: ffnMs, tone: 2 },
        { name: 'dense half', value: denseMs, tone: 3 },
        { name: 'other', value: otherMs, tone: 4 },
      ]}
      whole={0}
      format={seconds}
    />
  );
}
