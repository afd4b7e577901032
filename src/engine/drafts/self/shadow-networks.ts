import type { Bridge, ResidentMatrix } from '../../../../native-bridge/bridge.js';
import { ACTIVATIONS, activatedUp } from '../../../../native-bridge/twin/activation.js';
import { HeldParts } from '../../../dense/held-parts.js';
import type { ModelSpec } from '../../../model/spec.js';
import { shadowShape } from '../../../plan/drafts/shadow.js';
import { partSource, shadowLayout, shadowPath } from './shadow-file.js';

interface Network {
  gate: ResidentMatrix | null;
  up: ResidentMatrix;
  down: ResidentMatrix;
  /** The products of gate and up of a token; `gates` is that of up where networks have no gate. */
  gates: Float32Array;
  ups: Float32Array;
}

/** The first neurons of all layers in few bits, in memory: networks that foretell, and nothing else. */
export class ShadowNetworks {
  readonly #held = new HeldParts();
  /** By layer; null where none of its neurons are there. */
  readonly #layers: (Network | null)[] = [];
  readonly #spec: ModelSpec;
  /** The input of a token, filled up with zeros. */
  readonly #x: Float32Array;

  /** Loads `neurons` of each layer from beside a store. Throws BridgeError. */
  constructor(bridge: Bridge, spec: ModelSpec, storePath: string, neurons: readonly number[]) {
    const shape = shadowShape(spec);
    const path = shadowPath(storePath);
    const most = Math.max(...neurons);
    const [gates, ups] = [new Float32Array(most), new Float32Array(most)];
    this.#spec = spec;
    this.#x = new Float32Array(shape.columns);
    try {
      for (const [layer, { gate, up, down }] of shadowLayout(shape).layers.entries()) {
        const count = neurons[layer];
        const load = (part: typeof up, rows: number, columns: number) =>
          this.#held.keep(bridge.loadMatrix(partSource(path, part, rows, columns)));
        this.#layers.push(
          count === 0
            ? null
            : {
                gate: gate && load(gate, count, shape.columns),
                up: load(up, count, shape.columns),
                down: load(down, shape.hiddenSize, count),
                gates: (gate ? gates : ups).subarray(0, count),
                ups: ups.subarray(0, count),
              },
        );
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** y[hiddenSize] = about the network's output of a layer for x[hiddenSize]. */
  run(layer: number, x: Float32Array, y: Float32Array): void {
    const network = this.#layers[layer];
    const { hiddenSize, activation } = this.#spec;
    if (network === null) {
      y.fill(0, 0, hiddenSize);
      return;
    }
    const { gate, up, down, gates, ups } = network;
    const act = ACTIVATIONS[activation];
    for (let i = 0; i < hiddenSize; i++) this.#x[i] = x[i];
    up.matmul(this.#x, 1, ups);
    gate?.matmul(this.#x, 1, gates);
    for (let i = 0; i < gates.length; i++) gates[i] = act(gates[i]) * (gate ? activatedUp(activation, ups[i]) : 1);
    down.matmul(gates, 1, y);
  }

  dispose(): void {
    void this.#held.release();
  }
}
