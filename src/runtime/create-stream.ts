import type { Bridge, RowStream, StreamLayer } from '../../native-bridge/bridge.js';
import { READ_THREADS } from '../plan/overhead.js';
import type { Allocation } from '../plan/spend.js';
import type { Store } from '../store/reader.js';
import { readNeuronBiases } from './neuron-biases.js';

/** Wanted records this close together are cheaper to read through than to ask for one by one. */
const MERGE_GAP_BYTES = 16 * 1024;

/** The streamed half of a store, with slots as the plan laid them out. Throws BridgeError. */
export function createStream(
  store: Store,
  bridge: Bridge,
  { layers, arenaBytes }: Allocation,
  direct: boolean,
): RowStream {
  const streamLayers: StreamLayer[] = store.layers.map((layer, i) => ({
    ...layer,
    bundlesPerUnit: layers[i].unit.bundlesPerUnit,
    given: layers[i].unit.given,
    arenaOffset: layers[i].arenaOffset,
    slots: layers[i].slots,
    biases: readNeuronBiases(store, i, bridge),
  }));
  return bridge.createStream({
    paths: store.files,
    arenaBytes,
    readThreads: READ_THREADS,
    direct,
    mergeGapBytes: MERGE_GAP_BYTES,
    layers: streamLayers,
  });
}
