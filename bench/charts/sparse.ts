import type { SparseReport } from '../sparse/report.js';
import type { Chart } from './charts.js';

const ACTIVE = '#1f6feb';
const CHOSEN = '#9aa4af';
const LINES = { gate: '#1f6feb', 'low-rank': '#bf8700' } as const;
const rounded = (share: number) => Number((100 * share).toFixed(1));

const title = (text: string, subtext: string) => ({
  text,
  subtext,
  left: 'center',
  textStyle: { fontSize: 15, fontWeight: 'bold' as const },
});

/**
 * Three charts of a sparse model: neurons by layer, chosen neurons by rank, and neurons found in memory by cache size.
 */
export const sparseCharts = (report: SparseReport): Chart[] => [
  layersChart(report),
  ranksChart(report),
  budgetsChart(report),
];

function layersChart({ model, comparisons }: SparseReport): Chart {
  const { layers } = comparisons['low-rank'];
  const bars = (name: string, color: string, shares: number[]) => ({
    name,
    type: 'bar' as const,
    data: shares.map(rounded),
    itemStyle: { color },
    label: { show: true, position: 'top' as const, fontSize: 10 },
  });
  const active = layers.map(({ activeShare }) => activeShare);
  const chosen = layers.map(({ chosenShare }) => chosenShare);
  return {
    name: `sparse-${model}-layers`,
    height: 340,
    option: {
      title: title(`${model}: neurons by layer`, 'share of all, for a mean token'),
      legend: { bottom: 0 },
      grid: { left: 56, right: 24, top: 72, bottom: 64 },
      xAxis: { type: 'category', data: layers.map((_, i) => `${i}`), name: 'layer' },
      yAxis: { type: 'value', name: '%' },
      series: [bars('active', ACTIVE, active), bars('chosen by the predictor', CHOSEN, chosen)],
    },
  };
}

const ranksChart = ({ model, ranks }: SparseReport): Chart => ({
  name: `sparse-${model}-ranks`,
  height: 320,
  option: {
    title: title(`${model}: chosen over active neurons by rank`, '3% of the active neurons missed'),
    grid: { left: 56, right: 24, top: 72, bottom: 56 },
    xAxis: { type: 'category', data: ranks.map(({ rank }) => `${rank}`), name: 'rank' },
    yAxis: { type: 'value', name: 'times', min: 1 },
    series: [
      {
        type: 'line',
        data: ranks.map(({ load }) => Number(load.toFixed(2))),
        itemStyle: { color: ACTIVE },
        label: { show: true, position: 'top' },
      },
    ],
  },
});

const budgetsChart = ({ model, decodings }: SparseReport): Chart => ({
  name: `sparse-${model}-budgets`,
  height: 340,
  option: {
    title: title(`${model}: neurons found in memory`, 'by the share of the FFN that the cache holds, lru'),
    legend: { bottom: 0 },
    grid: { left: 56, right: 24, top: 72, bottom: 84 },
    xAxis: { type: 'value', name: '% of the FFN', nameLocation: 'middle', nameGap: 26, min: 0, max: 100 },
    yAxis: { type: 'value', name: '%', min: 0, max: 100 },
    series: (['gate', 'low-rank'] as const).map((selector) => ({
      name: selector,
      type: 'line' as const,
      data: decodings
        .filter((run) => run.selector === selector)
        .map(({ cacheShare, hitRate }) => [rounded(cacheShare), rounded(hitRate)]),
      itemStyle: { color: LINES[selector] },
    })),
  },
});
