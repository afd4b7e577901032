import type { Bridge } from '../../native-bridge/bridge.js';
import { expertsOf } from '../model/feed-forward.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor, type ResidentLayerTensor } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import type { NetworkInputs } from './dense-half.js';
import { readNormWeight, rmsNorm } from './norm.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

/** The weights of a layer's norms, [hiddenSize] each; null for those that the model does not have. */
interface LayerNorms {
  router: Float32Array | null;
  experts: Float32Array | null;
  afterShared: Float32Array | null;
  afterExperts: Float32Array | null;
}

/**
 * The norms around a layer's experts, where they, the router or the shared expert have their own (Gemma 4). All others
 * read one input.
 */
export class BranchNorms {
  readonly #spec: ModelSpec;
  readonly #layers: LayerNorms[] = [];
  /** What the experts and the router read, [maxTokens, hiddenSize] each where it is not the network's input. */
  readonly #rows: { experts: Float32Array; router: Float32Array };
  readonly #inputs: NetworkInputs = { experts: new Float32Array(0), router: new Float32Array(0) };
  /** Bytes of the weights held. */
  readonly residentBytes: number;

  /** Reads the norms of all layers. Throws CORRUPT if a checksum does not match, NOT_FOUND or IO. */
  constructor(spec: ModelSpec, tensors: ReadonlyMap<string, TensorOnDisk>, bridge: Bridge, maxTokens: number) {
    this.#spec = spec;
    const rows = (has: boolean) => new Float32Array(has ? maxTokens * spec.hiddenSize : 0);
    this.#rows = {
      experts: rows(spec.experts?.branchNorms ?? false),
      router: rows(spec.experts?.routerInput === 'residual'),
    };
    let residentBytes = 0;
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const experts = expertsOf(spec, layer);
      const read = (has: boolean | undefined, name: ResidentLayerTensor) => {
        if (!has) return null;
        const tensor = tensorNamed(tensors, layerTensor(layer, name));
        checkOnDisk(tensor, bridge);
        const weight = readNormWeight(tensor, spec);
        residentBytes += weight.byteLength;
        return weight;
      };
      this.#layers.push({
        router:
          read(experts?.routerInput === 'residual', 'routerNorm')?.map((w) => w / Math.sqrt(spec.hiddenSize)) ?? null,
        experts: read(experts?.branchNorms, 'expertsNorm'),
        afterShared: read(experts?.branchNorms, 'postSharedNorm'),
        afterExperts: read(experts?.branchNorms, 'postExpertsNorm'),
      });
    }
    this.residentBytes = residentBytes;
  }

  /** What the experts and the router read: of the residual stream x and the network's input, [tokens, hiddenSize]. */
  inputs(layer: number, x: Float32Array, tokens: number, ffnInput: Float32Array): NetworkInputs {
    const { router, experts } = this.#layers[layer];
    const inputs = this.#inputs;
    inputs.router = router ? this.#rows.router : ffnInput;
    inputs.experts = experts ? this.#rows.experts : ffnInput;
    if (router) rmsNorm(x, tokens, router, this.#spec.normEpsilon, inputs.router);
    if (experts) rmsNorm(x, tokens, experts, this.#spec.normEpsilon, inputs.experts);
    return inputs;
  }

  /** output[tokens, hiddenSize], of the experts, += the shared expert's rows; each in its own norm, if it has one. */
  join(layer: number, tokens: number, output: Float32Array, shared: Float32Array): void {
    const { afterShared, afterExperts } = this.#layers[layer];
    if (afterExperts) rmsNorm(output, tokens, afterExperts, this.#spec.normEpsilon, output);
    if (afterShared) rmsNorm(shared, tokens, afterShared, this.#spec.normEpsilon, shared);
    for (let i = 0; i < tokens * this.#spec.hiddenSize; i++) output[i] += shared[i];
  }
}
