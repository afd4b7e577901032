import { type Machine, machineLine } from '../machine.js';
import { markdownTable, type Row, threeDigits } from '../table.js';
import { loadOf, type SparseMeasurement } from './measure.js';

export interface SparseReport extends SparseMeasurement {
  machine: Machine;
  /** The command line. */
  command: string;
  model: string;
  threads: number;
}

const percent = (share: number) => 100 * share;

/** The tables, the requirements first. */
export function printable(report: SparseReport): string {
  const { machine, model, modelBytes, calibration, threads } = report;
  return [
    machineLine(machine),
    '',
    `${model}, ${(modelBytes / 1e6).toFixed(1)} MB, ${threads} threads; predictors ${(calibration.bytes / 1e3).toFixed(0)} kB, ` +
      `trained on ${calibration.tokens - calibration.heldOutTokens} tokens and measured on ${calibration.heldOutTokens} others`,
    '',
    markdownTable(summary(report)),
    '',
    markdownTable(layerRows(report)),
    '',
    'Windows of k tokens (active neurons, mean of the layers):',
    '',
    markdownTable(windowRows(report)),
    '',
    'One rank for all layers:',
    '',
    markdownTable(report.ranks.map(({ rank, load, bytes }) => ({ rank, 'chosen over active': load, kB: bytes / 1e3 }))),
    '',
    'Writing, cache lru:',
    '',
    markdownTable(
      report.decodings.map((run) => ({
        selector: run.selector,
        'FFN in memory, %': percent(run.cacheShare),
        'found in memory, %': percent(run.hitRate),
        'kB per token': run.bytesPerToken / 1e3,
        'records per token': run.recordsPerToken,
        'tokens/s': run.tokensPerSecond,
      })),
    ),
  ].join('\n');
}

function summary({ comparisons, modelBytes, calibration, decodings, predictorMs }: SparseReport): Row[] {
  const wholly = decodings.filter(({ selector }) => selector === 'low-rank').at(-1);
  return (['low-rank', 'sign'] as const).map((selector): Row => {
    const { dense, sparse, layers, topOneAgreement, klDivergence } = comparisons[selector];
    const active = layers.reduce((sum, layer) => sum + layer.activeShare, 0);
    const missed = layers.reduce((sum, layer) => sum + layer.falseNegativeRate * layer.activeShare, 0);
    const trained = selector === 'low-rank';
    return {
      selector,
      'active missed, %': percent(missed / active),
      'chosen over active': loadOf(layers),
      'perplexity, % above dense': percent(sparse.perplexity / dense.perplexity - 1),
      'same next token, %': percent(topOneAgreement),
      'KL, nats': klDivergence,
      '% of the model': trained ? percent(calibration.bytes / modelBytes) : null,
      '% of a token’s time': trained && wholly ? percent((predictorMs * wholly.tokensPerSecond) / 1e3) : null,
      'dense perplexity': Number(threeDigits(dense.perplexity)),
    };
  });
}

const layerRows = ({ comparisons, calibration }: SparseReport): Row[] =>
  comparisons['low-rank'].layers.map((layer, i) => ({
    layer: i,
    rank: calibration.layers[i].rank,
    'active, %': percent(layer.activeShare),
    'chosen, %': percent(layer.chosenShare),
    'missed, %': percent(layer.falseNegativeRate),
    'chosen in vain, %': percent(layer.falsePositiveRate),
    'neurons with 80% of activations, %': percent(calibration.layers[i].hotShare),
  }));

function windowRows({ calibration: { layers } }: SparseReport): Row[] {
  const mean = (of: (layer: (typeof layers)[number]) => number) =>
    layers.reduce((sum, layer) => sum + of(layer), 0) / layers.length;
  return layers[0].reuse.map((_, k) => ({
    k: k + 1,
    'in the window, % of all': percent(mean(({ reuse }) => reuse[k].unionShare)),
    'hits, %': percent(mean(({ reuse }) => reuse[k].hitRate)),
    'new per token, % of all': percent(mean(({ reuse }) => reuse[k].newShare)),
  }));
}
