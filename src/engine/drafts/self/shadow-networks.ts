import { existsSync } from 'node:fs';
import type { Bridge, ResidentMatrix } from '../../../../native-bridge/bridge.js';
import { ACTIVATIONS, activatedUp } from '../../../../native-bridge/twin/activation.js';
import { HeldParts } from '../../../dense/held-parts.js';
import type { ModelSpec } from '../../../model/spec.js';
import { type PlannedShadow, shadowShape } from '../../../plan/drafts/shadow.js';
import type { Store } from '../../../store/reader.js';
import { partSource, shadowLayout, shadowPath } from './shadow-file.js';

interface Networks {
  gate: ResidentMatrix | null;
  up: ResidentMatrix;
  down: ResidentMatrix;
}

/** The first neurons of all layers in few bits, in memory: networks that foretell, and nothing else. */
export class ShadowNetworks {
  readonly #held = new HeldParts();
  readonly #layers: Networks[] = [];
  readonly #spec: ModelSpec;
  /** The input of a token, filled up with zeros, and the products of gate and up. */
  readonly #x: Float32Array;
  readonly #gates: Float32Array;
  readonly #ups: Float32Array;

  /** Loads `neurons` of each layer from beside a store. Throws BridgeError. */
  constructor(bridge: Bridge, spec: ModelSpec, storePath: string, neurons: number) {
    const shape = shadowShape(spec);
    const path = shadowPath(storePath);
    this.#spec = spec;
    this.#x = new Float32Array(shape.columns);
    this.#gates = new Float32Array(neurons);
    this.#ups = new Float32Array(neurons);
    try {
      for (const { gate, up, down } of shadowLayout(shape).layers) {
        const load = (part: typeof up, rows: number, columns: number) =>
          this.#held.keep(bridge.loadMatrix(partSource(path, part, rows, columns)));
        this.#layers.push({
          gate: gate && load(gate, neurons, shape.columns),
          up: load(up, neurons, shape.columns),
          down: load(down, shape.hiddenSize, neurons),
        });
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** y[tokens, hiddenSize] = about the network's output of a layer for x[tokens, hiddenSize]. */
  run(layer: number, x: Float32Array, tokens: number, y: Float32Array): void {
    const { hiddenSize, activation } = this.#spec;
    const { gate, up, down } = this.#layers[layer];
    const act = ACTIVATIONS[activation];
    const hidden = gate ? this.#gates : this.#ups;
    for (let token = 0; token < tokens; token++) {
      const from = token * hiddenSize;
      this.#x.set(x.subarray(from, from + hiddenSize));
      up.matmul(this.#x, 1, this.#ups);
      gate?.matmul(this.#x, 1, this.#gates);
      for (let i = 0; i < hidden.length; i++)
        hidden[i] = act(hidden[i]) * (gate ? activatedUp(activation, this.#ups[i]) : 1);
      down.matmul(hidden, 1, token === 0 && tokens === 1 ? y : y.subarray(from, from + hiddenSize));
    }
  }

  dispose(): void {
    void this.#held.dispose();
  }
}

/**
 * Loads what a plan asks for; null where that is nothing, or where nothing was made for this store. Throws BridgeError.
 */
export function loadShadow(bridge: Bridge, store: Store, { neurons }: PlannedShadow, held: HeldParts) {
  if (neurons === 0 || !existsSync(shadowPath(store.path))) return null;
  return held.keep(new ShadowNetworks(bridge, store.spec, store.path, neurons));
}
