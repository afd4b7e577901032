import { type EChartsOption, init } from 'echarts';

const WIDTH = 760;
const FONT = 'sans-serif';

/** An SVG of a chart. Its background is white, for dark pages too. The same option gives the same text. */
export function draw(option: EChartsOption, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({ animation: false, backgroundColor: '#ffffff', textStyle: { fontFamily: FONT }, ...option });
    // zrender numbers charts and styles over the whole process. Here they are numbered for each file.
    const names = new Map<string, string>();
    return `${chart
      .renderToSVGString()
      .replace(/zr\d+-[a-z0-9-]+/g, (name) => names.get(name) ?? names.set(name, `c${names.size}`).get(name)!)}\n`;
  } finally {
    chart.dispose();
  }
}
