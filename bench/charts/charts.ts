import type { EChartsOption } from 'echarts';
import type { Report } from '../capped/report.js';
import type { ReplayedTrace } from '../replay/report.js';
import { type StepsReport, speedOf, stepSpeed } from '../steps/report.js';
import { threeDigits } from '../table.js';

export interface Chart {
  /** File name without its ending. */
  name: string;
  option: EChartsOption;
  /** Pixels. */
  height: number;
}

const OURS = '#1f6feb';
const THEIRS = '#9aa4af';
/** Policies and their colours; the optimum is last, and dashed. */
const COLOURS = ['#1f6feb', '#2da44e', '#bf8700', '#8250df', '#cf222e', '#57606a'];
const BAR_HEIGHT = 34;
/** The policies that are drawn; the table has all of them. */
const DRAWN = ['lru', 'layer-lfu-aged', 'pool', 'window:4', 'belady'];
const GB = 1e9;

const title = (text: string, subtext: string) => ({
  text,
  subtext,
  left: 'center',
  textStyle: { fontSize: 15, fontWeight: 'bold' as const },
});

/** Tokens/s of one model under several caps, beside llama.cpp. */
export function cappedChart(model: string, reports: readonly Report[]): Chart {
  const byCap = reports.toSorted((a, b) => (a.capBytes ?? Infinity) - (b.capBytes ?? Infinity));
  const caps = byCap.map(({ capBytes, checkpointBytes }) =>
    capBytes === null
      ? 'no cap'
      : `${(capBytes / GB).toFixed(2)} GB (${Math.round((100 * capBytes) / checkpointBytes)}%)`,
  );
  const series = (name: string, colour: string, of: (report: Report) => number | null) => ({
    name,
    type: 'bar' as const,
    data: byCap.map(of).map((speed) => speed ?? 0),
    itemStyle: { color: colour },
    label: { show: true, position: 'top' as const, formatter: ({ value }: { value?: unknown }) => figure(value) },
  });
  const { checkpointBytes, threads } = byCap[0];
  return {
    name: `capped-${model}`,
    height: 340,
    option: {
      title: title(`${model}: tokens/s by memory cap`, `${(checkpointBytes / GB).toFixed(2)} GB, ${threads} threads`),
      legend: { bottom: 0 },
      grid: { left: 56, right: 24, top: 72, bottom: 64 },
      xAxis: { type: 'category', data: caps },
      yAxis: { type: 'value', name: 'tokens/s' },
      series: [
        series('flashrow', OURS, ({ rounds }) => speedOf(rounds.map(({ flashrow }) => flashrow))),
        series('llama.cpp, mapped', THEIRS, ({ rounds }) => speedOf(rounds.flatMap(({ peer }) => peer ?? []))),
      ],
    },
  };
}

/** Hit rates over cache size, a panel for each trace. */
export function replayChart(traces: readonly ReplayedTrace[]): Chart {
  const share = 100 / traces.length;
  const panels = traces.map(({ model }, i) => ({ model, left: `${i * share + 7}%`, width: `${share - 10}%` }));
  return {
    name: 'replay',
    height: 400,
    option: {
      title: [
        title('Cache policies on recorded expert routes', 'hits by cache size, decode only'),
        ...panels.map(({ model, left }) => ({ text: model, left, top: 58, textStyle: { fontSize: 12 } })),
      ],
      legend: { bottom: 0 },
      grid: panels.map(({ left, width }) => ({ left, width, top: 108, bottom: 84 })),
      xAxis: traces.map((_, i) => ({
        type: 'value',
        gridIndex: i,
        name: 'GB',
        nameLocation: 'middle',
        nameGap: 26,
        min: 0,
      })),
      yAxis: traces.map((_, i) => ({ type: 'value', gridIndex: i, name: 'hits, %', min: 0, max: 100 })),
      series: traces.flatMap(({ budgets }, i) =>
        DRAWN.map((policy, k) => ({
          name: policy,
          type: 'line' as const,
          xAxisIndex: i,
          yAxisIndex: i,
          color: COLOURS[k],
          lineStyle: { color: COLOURS[k], type: policy === 'belady' ? ('dashed' as const) : ('solid' as const) },
          data: budgets.map(({ memoryBytes, policies }) => [
            memoryBytes / GB,
            100 * policies.find((result) => result.policy === policy)!.hitRate,
          ]),
        })),
      ),
    },
  };
}

/** Tokens/s step by step, llama.cpp last. */
export function stepsChart(report: StepsReport): Chart {
  const { model, steps, peer, capBytes, checkpointBytes, activeShare } = report;
  const bars = steps.map((step) => ({ name: step.name, value: stepSpeed(step) ?? 0, itemStyle: { color: OURS } }));
  if (peer.length > 0)
    bars.push({ name: 'llama.cpp, mapped', value: speedOf(peer) ?? 0, itemStyle: { color: THEIRS } });
  const cap = capBytes === null ? 'no cap' : `cap ${Math.round((100 * capBytes) / checkpointBytes)}%`;
  return {
    name: `steps-${model}`,
    height: 120 + BAR_HEIGHT * bars.length,
    option: {
      title: title(
        `${model}: tokens/s, step by step`,
        `${cap}, ${(100 * activeShare).toFixed(1)}% of the neurons active`,
      ),
      grid: { left: 130, right: 60, top: 64, bottom: 48 },
      xAxis: { type: 'value', name: 'tokens/s', nameLocation: 'middle', nameGap: 26 },
      yAxis: { type: 'category', inverse: true, data: bars.map(({ name }) => name) },
      series: [
        {
          type: 'bar',
          data: bars,
          label: { show: true, position: 'right', formatter: ({ value }) => figure(value) },
        },
      ],
    },
  };
}

/** No figure for a missing bar, where no run finished. */
const figure = (value: unknown) => (typeof value === 'number' && value > 0 ? threeDigits(value) : '');
