import type { Bridge, ResidentMatrix } from '../../../../native-bridge/bridge.js';
import { rowBytes } from '../../../../native-bridge/formats.js';
import { DEVICE_BLOCK, roundUp } from '../../../../native-bridge/memory.js';
import { ACTIVATIONS, activatedUp } from '../../../../native-bridge/twin/activation.js';
import { encodeQ2K } from '../../../../native-bridge/two-bit-encoder.js';
import { HeldParts } from '../../../dense/held-parts.js';
import { freeBytes } from '../../../disk/free-bytes.js';
import { replaceFile } from '../../../disk/replace-file.js';
import { asWriteError } from '../../../disk/write-errors.js';
import { writeFully } from '../../../disk/write-fully.js';
import { FlashrowError } from '../../../errors.js';
import { SHADOW_FORMAT, shadowShape } from '../../../plan/drafts/shadow.js';
import type { Store } from '../../../store/reader.js';
import { type ShadowPart, shadowHeader, shadowLayout, shadowPath } from './shadow-file.js';

/** A layer's inputs, [tokens, hiddenSize], by which its neurons are weighed. */
export interface SeenInputs {
  x: Float32Array;
  tokens: number;
}

/**
 * Writes the shadow of a store beside it. `seen`: what each layer's network read of some text. A neuron matters by its
 * mean absolute activation times the length of its column of down; norms of weights alone choose badly (measured). One
 * layer is in memory at a time. `onLayer` is told how many are done. Throws ABORTED, CORRUPT, IO, DISK_FULL,
 * NOT_WRITABLE or BridgeError, and leaves nothing behind.
 */
export function makeShadow(
  store: Store,
  bridge: Bridge,
  seen: readonly SeenInputs[],
  aborted: () => boolean,
  onLayer: (done: number) => void,
): void {
  const shape = shadowShape(store.spec);
  const { layers, bytes } = shadowLayout(shape);
  const path = shadowPath(store.path);
  const space = { neededBytes: bytes, freeBytes: freeBytes(store.path) };
  try {
    replaceFile(path, (file) => {
      let checksum = 0;
      let at = DEVICE_BLOCK;
      const write = (part: Uint8Array) => {
        writeFully(file, part, at);
        checksum = bridge.crc32c(part, checksum);
        at += part.length;
      };
      for (const [layer, parts] of layers.entries()) {
        if (aborted()) throw new FlashrowError('ABORTED', 'loading was aborted');
        writeLayer(store, bridge, layer, seen[layer], parts, write);
        onLayer(layer + 1);
      }
      writeFully(file, shadowHeader(store.path, checksum), 0);
    });
  } catch (error) {
    throw asWriteError(error, path, space);
  }
}

function writeLayer(
  store: Store,
  bridge: Bridge,
  layer: number,
  seen: SeenInputs,
  parts: { gate: ShadowPart | null; up: ShadowPart; down: ShadowPart },
  write: (part: Uint8Array) => void,
): void {
  const held = new HeldParts();
  try {
    const { gate, up, down } = loadNetwork(store, bridge, layer, held);
    const order = byWeight(store, { gate, up, down }, seen);
    const encode = (part: ShadowPart, source: ResidentMatrix, rowAt: (row: number, into: Float32Array) => void) => {
      const bytes = rowBytes(SHADOW_FORMAT, part.columns);
      const encoded = Buffer.alloc(roundUp(part.rows * bytes, DEVICE_BLOCK));
      const row = new Float32Array(Math.max(part.columns, source.columns));
      for (let i = 0; i < part.rows; i++) {
        rowAt(i, row);
        encodeQ2K(row, 0, part.columns, encoded, i * bytes);
      }
      write(encoded);
    };
    const input = (source: ResidentMatrix) => (row: number, into: Float32Array) => {
      if (row < order.length) source.row(order[row], into);
      else into.fill(0);
    };
    if (gate) encode(parts.gate!, gate, input(gate));
    encode(parts.up, up, input(up));
    const plain = new Float32Array(down.columns);
    encode(parts.down, down, (row, into) => {
      down.row(row, plain);
      for (let i = 0; i < order.length; i++) into[i] = plain[order[i]];
    });
  } finally {
    void held.dispose();
  }
}

interface Network {
  gate: ResidentMatrix | null;
  up: ResidentMatrix;
  down: ResidentMatrix;
}

/** A layer's whole matrices, from where the store reads them in place. */
function loadNetwork({ layers, files }: Store, bridge: Bridge, layer: number, held: HeldParts): Network {
  const { extents, parts, formats, hiddenSize, numNeurons } = layers[layer];
  const load = (part: 'gate' | 'up' | 'down'): ResidentMatrix => {
    const { file, offset } = extents[parts[part]!.extent];
    const format = formats[part]!;
    const [rows, columns] = part === 'down' ? [hiddenSize, numNeurons] : [numNeurons, hiddenSize];
    const place = { path: files[file], offset: offset + parts[part]!.offset, rowStride: rowBytes(format, columns) };
    return held.keep(bridge.loadMatrix({ ...place, rows, columns, format }));
  };
  return { gate: parts.gate && load('gate'), up: load('up'), down: load('down') };
}

/** The neurons of a layer, those first that matter most. */
function byWeight({ spec }: Store, { gate, up, down }: Network, { x, tokens }: SeenInputs): Uint32Array {
  const neurons = up.rows;
  const weights = new Float64Array(neurons);
  const act = ACTIVATIONS[spec.activation];
  const ups = new Float32Array(tokens * neurons);
  up.matmul(x, tokens, ups);
  const gates = gate ? new Float32Array(tokens * neurons) : null;
  gate?.matmul(x, tokens, gates!);
  for (let i = 0; i < ups.length; i++) {
    const activated = gates ? act(gates[i]) * activatedUp(spec.activation, ups[i]) : act(ups[i]);
    weights[i % neurons] += Math.abs(activated);
  }
  const squares = new Float64Array(neurons);
  const row = new Float32Array(neurons);
  for (let output = 0; output < down.rows; output++) {
    down.row(output, row);
    for (let neuron = 0; neuron < neurons; neuron++) squares[neuron] += row[neuron] * row[neuron];
  }
  for (let neuron = 0; neuron < neurons; neuron++) weights[neuron] *= Math.sqrt(squares[neuron]);
  return Uint32Array.from({ length: neurons }, (_, neuron) => neuron).sort((a, b) => weights[b] - weights[a] || a - b);
}
