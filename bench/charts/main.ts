import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Report } from '../capped/report.js';
import { runBench } from '../command.js';
import type { ReplayedTrace } from '../replay/report.js';
import { REPOSITORY } from '../repository.js';
import type { SparseReport } from '../sparse/report.js';
import type { StepsReport } from '../steps/report.js';
import { type Chart, cappedChart, replayChart, stepsChart } from './charts.js';
import { draw } from './draw.js';
import { sparseCharts } from './sparse.js';

type Result = Report | StepsReport | SparseReport | { traces: ReplayedTrace[] };

const isSparse = (result: Result) => 'comparisons' in result;
const isReplay = (result: Result) => 'traces' in result;
const isSteps = (result: Result) => 'steps' in result;
const isCapped = (result: Result) => 'capBytes' in result && 'rounds' in result;

/** Charts of all results, in the order of file names. */
function chartsOf(results: readonly Result[]): Chart[] {
  const capped = results.filter(isCapped);
  const models = [...new Set(capped.map(({ model }) => model))];
  const ofModel = (name: string) => capped.filter(({ model }) => model === name);
  return [
    ...models.map((model) => cappedChart(model, ofModel(model))),
    ...results.filter(isSparse).flatMap(sparseCharts),
    ...results.filter(isSteps).map(stepsChart),
    ...results.filter(isReplay).map(({ traces }) => replayChart(traces)),
  ];
}

await runBench(async (args) => {
  const command = new Command('bench:charts')
    .description('Draws the results in a folder (*.json) as charts beside them (*.svg).')
    .option('--results <DIR>', 'the folder', join(REPOSITORY, 'bench/results'))
    .exitOverride()
    .parse([...args], { from: 'user' });
  const { results: folder } = command.opts<{ results: string }>();
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const results = files.sort().map((name): Result => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  const written = chartsOf(results).map(({ name, option, height }) => {
    const path = join(folder, `${name}.svg`);
    writeFileSync(path, draw(option, height));
    return path;
  });
  return { text: written.join('\n'), data: written, json: null, failed: false };
});
