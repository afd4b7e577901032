import { Command } from 'commander';
import { createCache } from '../../src/cache/create-cache.js';
import { createPlacement } from '../../src/cache/unit-cache.js';
import { DECODE } from '../../src/trace/trace.js';
import { readTrace } from '../../src/trace/trace-reader.js';
import { runBench } from '../command.js';
import { markdownTable, type Row } from '../table.js';
import { coActivationOrder } from './order.js';

const GROUPS = [1, 2, 4, 8];
/** The share of a layer that an lru cache holds. */
const CACHE_SHARE = 0.25;
/** Groups that are at most so many neurons apart are read together. */
const GAP_NEURONS = 4;

/**
 * Reads for the second half of the tokens of a layer. Each neuron lies at its `place`, and `size` neighbours are read
 * and kept together.
 */
function readsOf(tokens: readonly ArrayLike<number>[], units: number, place: Uint32Array, size: number) {
  const groups = Math.ceil(units / size);
  const cache = createCache({ units: groups, slots: Math.floor(CACHE_SHARE * groups), policy: 'lru', window: 0 });
  const placement = createPlacement(groups);
  const first = tokens.length >> 1;
  let records = 0;
  let neurons = 0;
  tokens.forEach((set, token) => {
    const wanted = new Set(Array.from(set, (unit) => Math.floor(place[unit] / size)));
    const asked = Uint32Array.from(wanted).sort();
    for (let from = 0; from < asked.length; from += cache.capacity >> 1) {
      const wave = asked.subarray(from, from + (cache.capacity >> 1));
      cache.place(wave, wave.length, placement);
      if (token < first) continue;
      const gap = 1 + Math.floor(GAP_NEURONS / size);
      for (let i = 0; i < placement.missed; i++) {
        const joined = i > 0 && placement.missedUnits[i] - placement.missedUnits[i - 1] <= gap;
        if (!joined) records += 1;
        neurons += joined ? (placement.missedUnits[i] - placement.missedUnits[i - 1]) * size : size;
      }
    }
    cache.endToken();
  });
  const counted = tokens.length - first;
  return { records: records / counted, neurons: neurons / counted };
}

await runBench(async (args) => {
  const command = new Command('bench:groups')
    .description(
      'Neurons read one by one or in groups, in the order of the file or by co-activation, on a recorded trace.',
    )
    .argument('<trace>', 'what `flashrow run --trace` recorded with a selector that picks neurons')
    .exitOverride()
    .parse([...args], { from: 'user' });
  const { layers, passes } = readTrace(command.args[0]);
  const decoded = passes.filter(({ phase }) => phase === DECODE);
  const rows = ['file', 'co-activation'].flatMap((order) =>
    GROUPS.map((size): Row => {
      let [records, neurons] = [0, 0];
      layers.forEach(({ units }, layer) => {
        const tokens = decoded.map((pass) => pass.units[layer]);
        const place =
          order === 'file'
            ? Uint32Array.from({ length: units }, (_, unit) => unit)
            : coActivationOrder(tokens.slice(0, tokens.length >> 1), units);
        const reads = readsOf(tokens, units, place, size);
        records += reads.records;
        neurons += reads.neurons;
      });
      return { order, 'neurons in a group': size, 'records per token': records, 'neurons read per token': neurons };
    }),
  );
  const text = [
    `${decoded.length} tokens, orders learnt from the first half and all measured on the second; an lru cache of ${100 * CACHE_SHARE}% of each layer, gaps of up to ${GAP_NEURONS} neurons read through`,
    '',
    markdownTable(rows),
  ].join('\n');
  return { text, data: rows, json: null, failed: false };
});
