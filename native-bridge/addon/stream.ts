import {
  BridgeError,
  type BundleGeometry,
  type Extension,
  type FeedForwardCall,
  type Ring,
  type RowStream,
  type StreamedMatrix,
  type StreamLayer,
  type StreamOptions,
} from '../bridge.js';
import { FORMATS } from '../formats.js';
import { matrixSlotBytes, slotLayout } from '../slots.js';
import type { Addon, NativePool, NativeStream } from './exports.js';
import { guarded } from './guarded.js';
import { ACTIVATIONS, formatId } from './numbers.js';

/** Parts by the number that layer.h gives them. */
const INPUT_PARTS: readonly StreamLayer['residentPart'][] = [null, 'gate', 'up'];
/** In the order of `DownOrientation` in stream/layer.h. */
const DOWN_ORIENTATIONS: readonly BundleGeometry['downOrientation'][] = ['by-neuron', 'by-output', 'apart'];

const floats = (numbers: readonly number[] | null | undefined) => (numbers ? Float32Array.from(numbers) : null);

/** A layer as `toLayer` in bindings/stream.cc reads it. */
function nativeLayer(layer: StreamLayer): object {
  const { gate, up, down } = layer.formats;
  const { areas, bytes } = slotLayout(layer);
  return {
    hiddenSize: layer.hiddenSize,
    numNeurons: layer.numNeurons,
    neuronsPerBundle: layer.neuronsPerBundle,
    bundlesPerUnit: layer.bundlesPerUnit,
    activation: ACTIVATIONS.indexOf(layer.activation),
    activationLimit: Float32Array.of(layer.activationLimit ?? 0),
    gateFormat: gate === null ? null : formatId(gate),
    upFormat: formatId(up),
    downFormat: formatId(down),
    downOrientation: DOWN_ORIENTATIONS.indexOf(layer.downOrientation),
    outputsPerBundle: layer.outputsPerBundle ?? 0,
    extents: layer.extents,
    gate: layer.parts.gate,
    up: layer.parts.up,
    down: layer.parts.down,
    segments: layer.segments,
    checksums: layer.checksums,
    residentPart: INPUT_PARTS.indexOf(layer.residentPart),
    gateBias: layer.biases?.gate ?? null,
    upBias: layer.biases?.up ?? null,
    gateFactors: floats(layer.factors?.gate),
    upFactors: floats(layer.factors?.up),
    downFactors: floats(layer.factors?.down),
    arenaOffset: layer.arenaOffset,
    slots: layer.slots,
    areas,
    slotBytes: bytes,
  };
}

/** A matrix as `toMatrix` in bindings/stream.cc reads it. */
function nativeMatrix(matrix: StreamedMatrix): object {
  if (matrix.columns % FORMATS[matrix.format].blockSize !== 0)
    throw new BridgeError('USAGE', `rows of ${matrix.columns} are not whole ${matrix.format} blocks`);
  return { ...matrix, format: formatId(matrix.format), slotBytes: matrixSlotBytes(matrix) };
}

export class AddonStream implements RowStream {
  readonly #native: NativeStream;

  constructor(addon: Addon, pool: NativePool, options: StreamOptions) {
    const layers = options.layers.map(nativeLayer);
    const matrices = (options.matrices ?? []).map(nativeMatrix);
    this.#native = guarded(
      () => new addon.Stream(pool, { ...options, filledAtOnce: options.filledAtOnce ?? false, layers, matrices }),
    );
  }

  get direct(): boolean {
    return guarded(() => this.#native.direct);
  }

  request(layer: number, units: Uint32Array, slots: Uint32Array, count: number): void {
    guarded(() => this.#native.request(layer, units, slots, count));
  }

  extend(extension: Extension | null): void {
    guarded(() => this.#native.extend(extension?.arenaBytes ?? 0, extension?.layers ?? []));
  }

  startRing(ring: Ring): void {
    guarded(() => this.#native.startRing(ring.arenaOffset, ring.slots, ring.schedule));
  }

  seekRing(index: number): void {
    guarded(() => this.#native.seekRing(index));
  }

  /**
   * The call is unpacked here: a call with ten arguments takes 0.7 us, and one whose C++ side reads ten fields of an
   * object takes 1.5 us.
   */
  ffn(call: FeedForwardCall): void {
    const { layer, units, slots, count, x, tokens, residentProducts, weights, y, accumulate } = call;
    guarded(() => this.#native.ffn(layer, units, slots, count, x, tokens, residentProducts, weights, y, accumulate));
  }

  multiply(matrix: number, x: Float32Array, tokens: number, y: Float32Array): void {
    guarded(() => this.#native.multiply(matrix, x, tokens, y));
  }

  counters(into: Float64Array): void {
    guarded(() => this.#native.counters(into));
  }

  dispose(): void {
    this.#native.dispose();
  }
}
