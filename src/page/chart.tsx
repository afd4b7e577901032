import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { colors, onColorChange } from './colors.js';

interface ChartProps {
  title: string;
  /** The value now, in words. */
  now: string;
  /** Seconds, and a value for each; null where there is none. */
  data: [number[], (number | null)[]];
  format: (value: number) => string;
  /** The top of the scale at least. */
  most?: number;
  /** A line across, such as what the disk was measured to give. */
  limit?: number | null;
  limitName?: string;
}

/** Values over the last minute. */
export function Chart({ title, now, data, format, most = 0, limit = null, limitName }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const top = Math.max(most, limit ?? 0);
  useEffect(() => {
    const element = holder.current!;
    const create = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element.clientWidth, format, top, limit !== null), [[], []], element);
    };
    create();
    const forget = onColorChange(create);
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      forget();
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [format, top, limit !== null]);
  useEffect(() => {
    const line = limit === null ? [] : [data[0].map(() => limit)];
    plot.current?.setData([...data, ...line] as uPlot.AlignedData);
  });
  return (
    <figure class="chart">
      <figcaption>
        {title} <b>{now}</b>
        {limit !== null && <small> {limitName}</small>}
      </figcaption>
      <div ref={holder} aria-hidden="true" />
    </figure>
  );
}

const HEIGHT = 84;

function optionsOf(width: number, format: (value: number) => string, most: number, limited: boolean): uPlot.Options {
  const { line, text, grid } = colors();
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  return {
    ...{ width, height: HEIGHT },
    legend: { show: false },
    cursor: { show: false },
    padding: [4, 16, 0, 0],
    scales: {
      x: { time: false, range: [-59.5, 0] },
      y: { range: (_, __, max) => [0, Math.max(max, most, 1e-9) * 1.05] },
    },
    axes: [
      { ...axis, size: 18, space: 60, values: (_, splits) => splits.map((at) => (at === 0 ? 'now' : `${at} s`)) },
      { ...axis, size: 62, space: 26, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      { stroke: line, width: 2, fill: `${line}33`, points: { show: false }, spanGaps: false },
      ...(limited ? [{ stroke: text, width: 1, dash: [4, 4], points: { show: false } }] : []),
    ],
  };
}
