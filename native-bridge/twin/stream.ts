import {
  COUNTERS,
  type Extension,
  type FeedForwardCall,
  RING_SLOT,
  type Ring,
  type RowStream,
  type StreamOptions,
} from '../bridge.js';
import { inputBundles } from '../bundles.js';
import { DEVICE_BLOCK } from '../memory.js';
import { allocate, isCount, usage } from './errors.js';
import { FeedForward } from './ffn.js';
import { isOutputs, type PreparedLayer, prepareLayer } from './layer.js';
import { UnitReader } from './reader.js';
import { TwinStreamedMatrix } from './streamed-matrix.js';

const EMPTY = -1;

interface Slots {
  /** The layer that asked last into each slot: layers in the same place of the arena share theirs. */
  layer: Int32Array;
  /** The unit that each slot holds or will hold, or EMPTY. */
  unit: Int32Array;
  /** 1 where that unit was asked for and is not there yet. */
  pending: Uint8Array;
}

/** Reads happen inside `ffn`, when a unit is first needed: correct, and as slow as that sounds. */
export class TwinStream implements RowStream {
  readonly direct = false;
  readonly #counters = new Float64Array(Object.keys(COUNTERS).length);
  readonly #layers: PreparedLayer[];
  readonly #matrices: TwinStreamedMatrix[];
  readonly #slots: Slots[];
  /** The slots of each layer, without those of an extension. */
  readonly #own: Slots[];
  readonly #feedForward = new FeedForward();
  readonly #reader: UnitReader;
  #arena: Uint8Array;
  #extension: Extension | null = null;
  #extensionArena: Uint8Array = new Uint8Array(0);
  #ring: (Ring & { slotBytes: number }) | null = null;
  /** Schedule entry that the next RING_SLOT stands for. */
  #next = 0;
  #disposed = false;
  /** The layer with down apart whose h is kept, for so many tokens, and how many of its units are in it. */
  #apart = { layer: -1, tokens: 0, inputs: 0 };

  constructor(options: StreamOptions) {
    const { paths, arenaBytes, readThreads, mergeGapBytes, layers, matrices = [] } = options;
    if (!isCount(arenaBytes)) throw usage(`arenaBytes must be a whole number, not ${arenaBytes}`);
    if (!isCount(readThreads) || readThreads === 0)
      throw usage(`readThreads must be a whole number from 1, not ${readThreads}`);
    if (!isCount(mergeGapBytes)) throw usage(`mergeGapBytes must be a whole number, not ${mergeGapBytes}`);
    this.#layers = layers.map((layer, index) => prepareLayer(layer, index, paths.length, arenaBytes));
    this.#matrices = matrices.map((matrix, index) => new TwinStreamedMatrix(matrix, index, paths.length));
    const places = new Map<string, Slots>();
    this.#slots = this.#layers.map(({ layer: { arenaOffset, slots }, slotLayout }) => {
      const place = `${arenaOffset} ${slots} ${slotLayout.bytes}`;
      const known = places.get(place) ?? {
        layer: new Int32Array(slots).fill(EMPTY),
        unit: new Int32Array(slots).fill(EMPTY),
        pending: new Uint8Array(slots),
      };
      places.set(place, known);
      return known;
    });
    this.#own = [...this.#slots];
    this.#arena = allocate(arenaBytes, 'the arena');
    this.#reader = new UnitReader(paths, this.#counters);
  }

  request(layer: number, units: Uint32Array, slots: Uint32Array, count: number): void {
    const prepared = this.#layer(layer);
    checkUnits(prepared, units, slots, count);
    const { layer: askedBy, unit, pending } = this.#slots[layer];
    for (let i = 0; i < count; i++)
      if (slots[i] >= unit.length) throw usage(`layer ${layer} has ${unit.length} slots, no slot ${slots[i]}`);
    for (let i = 0; i < count; i++) {
      askedBy[slots[i]] = layer;
      unit[slots[i]] = units[i];
      pending[slots[i]] = 1;
    }
  }

  extend(extension: Extension | null): void {
    this.#checkAlive();
    const layers = extension?.layers ?? this.#own.map(() => ({ arenaOffset: 0, slots: 0 }));
    if (layers.length !== this.#layers.length) throw usage('an extension says of every layer what it gets');
    for (const [index, { arenaOffset, slots }] of layers.entries()) {
      if (!isCount(slots) || !isCount(arenaOffset) || arenaOffset % DEVICE_BLOCK !== 0)
        throw usage(`arenaOffset must be a multiple of ${DEVICE_BLOCK}, not ${arenaOffset} for ${slots} slots`);
      if (extension && arenaOffset + slots * this.#layers[index].slotLayout.bytes > extension.arenaBytes)
        throw usage(`the slots of layer ${index} reach outside the extension`);
    }
    this.#extensionArena = new Uint8Array(0);
    this.#extension = null;
    this.#extendSlots(layers);
    if (extension === null) return;
    this.#extensionArena = allocate(extension.arenaBytes, 'the extension');
    this.#extension = extension;
  }

  /** What a layer's own slots hold stays. */
  #extendSlots(layers: Extension['layers']): void {
    const made = new Map<Slots, { arenaOffset: number; slots: number; all: Slots }[]>();
    layers.forEach(({ arenaOffset, slots }, index) => {
      const own = this.#own[index];
      const others = made.get(own) ?? [];
      made.set(own, others);
      const same = others.find((other) => other.arenaOffset === arenaOffset && other.slots === slots);
      const size = own.unit.length + slots;
      const all = same?.all ?? {
        layer: new Int32Array(size).fill(EMPTY),
        unit: new Int32Array(size).fill(EMPTY),
        pending: new Uint8Array(size),
      };
      if (!same) {
        others.push({ arenaOffset, slots, all });
        all.layer.set(this.#slots[index].layer.subarray(0, own.unit.length));
        all.unit.set(this.#slots[index].unit.subarray(0, own.unit.length));
        all.pending.set(this.#slots[index].pending.subarray(0, own.unit.length));
      }
      this.#slots[index] = all;
    });
  }

  startRing(ring: Ring): void {
    this.#checkAlive();
    const { arenaOffset, slots, schedule } = ring;
    if (schedule.length === 0 || schedule.length % 2 !== 0) throw usage('the schedule is empty or not made of pairs');
    if (!isCount(slots) || slots === 0 || !isCount(arenaOffset) || arenaOffset % DEVICE_BLOCK !== 0)
      throw usage(
        `a ring needs a slot and an arenaOffset that is a multiple of ${DEVICE_BLOCK}, not ${slots} at ${arenaOffset}`,
      );
    let slotBytes = 0;
    for (let i = 0; i < schedule.length; i += 2) {
      slotBytes = Math.max(slotBytes, this.#scheduled(schedule[i], schedule[i + 1]));
    }
    if (arenaOffset + slots * slotBytes > this.#arena.length)
      throw usage(
        `a ring of ${slots} slots of ${slotBytes} bytes at ${arenaOffset} exceeds an arena of ${this.#arena.length}`,
      );
    this.#ring = { arenaOffset, slots, schedule: schedule.slice(), slotBytes };
    this.#next = 0;
  }

  seekRing(index: number): void {
    this.#checkAlive();
    if (this.#ring === null) throw usage('there is no ring to seek in');
    if (!isCount(index) || index >= this.#ring.schedule.length / 2)
      throw usage(`the schedule has ${this.#ring.schedule.length / 2} entries, no entry ${index}`);
    this.#next = index;
  }

  ffn(call: FeedForwardCall): void {
    const { units, slots, count, tokens, y } = call;
    const prepared = this.#layer(call.layer);
    checkUnits(prepared, units, slots, count);
    checkBuffers(prepared, call);
    this.#checkHeld(prepared, units, slots, count);
    const inputs = this.#checkApart(prepared, call);

    if (!call.accumulate) y.fill(0, 0, tokens * prepared.layer.hiddenSize);
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      const slot = slots[i] === RING_SLOT ? this.#fillRingSlot(prepared, units[i]) : this.#fillSlot(prepared, slots[i]);
      const filled = performance.now();
      this.#feedForward.addUnit(prepared, call, i, slot);
      this.#counters[COUNTERS.readWaitMs] += filled - started;
      this.#counters[COUNTERS.ffnMs] += performance.now() - filled;
    }
    this.#apart = { layer: inputs === null ? -1 : prepared.index, tokens, inputs: inputs ?? 0 };
  }

  multiply(index: number, x: Float32Array, tokens: number, y: Float32Array): void {
    const source = this.#matrix(index);
    const { rows, columns, file } = source.matrix;
    if (!isCount(tokens)) throw usage(`${tokens} is not a number of tokens`);
    if (x.length < tokens * columns) throw usage(`x holds ${x.length}, not ${tokens} x ${columns} values`);
    if (y.length < tokens * rows) throw usage(`y holds ${y.length}, not ${tokens} x ${rows} values`);
    this.#checkNext(this.#layers.length + index, 0, source.name, 0);
    const first = this.#next;
    try {
      for (let unit = 0; unit < source.numUnits; unit++) {
        this.#checkNext(this.#layers.length + index, unit, source.name, 0);
        const { arenaOffset, slots, slotBytes } = this.#ring!;
        const slot = this.#slotBytes(arenaOffset, slotBytes, this.#next % slots);
        const { offset, bytes } = source.placeOf(unit);
        const started = performance.now();
        this.#reader.readRun(file, offset, bytes, slot);
        const waited = performance.now() - started;
        this.#counters[COUNTERS.readWaitMs] += waited;
        this.#counters[COUNTERS.matrixWaitMs] += waited;
        source.multiply(unit, slot, x, tokens, y);
        source.check(unit, slot, this.#reader.pathOf(file));
        this.#next = (this.#next + 1) % (this.#ring!.schedule.length / 2);
      }
    } catch (error) {
      this.#next = first;
      throw error;
    }
  }

  counters(into: Float64Array): void {
    if (into.length < this.#counters.length)
      throw usage(`there are ${this.#counters.length} counters, room for ${into.length}`);
    into.set(this.#counters);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#reader.close();
    this.#arena = new Uint8Array(0);
    this.#extensionArena = new Uint8Array(0);
  }

  #checkAlive(): void {
    if (this.#disposed) throw usage('the stream was disposed');
  }

  #matrix(index: number): TwinStreamedMatrix {
    this.#checkAlive();
    if (!(index in this.#matrices)) throw usage(`the stream has ${this.#matrices.length} matrices, no ${index}`);
    return this.#matrices[index];
  }

  /** The bytes of a slot for a unit of the schedule, once that is known to be there. */
  #scheduled(source: number, unit: number): number {
    if (source < this.#layers.length) {
      checkUnit(this.#layer(source), unit);
      return this.#layers[source].slotLayout.bytes;
    }
    const matrix = this.#matrix(source - this.#layers.length);
    if (unit >= matrix.numUnits) throw usage(`${matrix.name} has ${matrix.numUnits} units, no unit ${unit}`);
    return matrix.slotBytes;
  }

  /** Throws USAGE unless the ring brings this unit `ahead` entries after the next. */
  #checkNext(source: number, unit: number, name: string, ahead: number): void {
    if (this.#ring === null) throw usage('there is no ring to take a unit from');
    const { schedule } = this.#ring;
    const at = (2 * (this.#next + ahead)) % schedule.length;
    if (schedule[at] !== source || schedule[at + 1] !== unit)
      throw usage(`the ring's next is source ${schedule[at]}, unit ${schedule[at + 1]}, not ${name}, unit ${unit}`);
  }

  #layer(index: number): PreparedLayer {
    this.#checkAlive();
    if (!(index in this.#layers)) throw usage(`the stream has ${this.#layers.length} layers, no layer ${index}`);
    return this.#layers[index];
  }

  /**
   * Every unit must be in its slot or on its way, and the ring's units must be next in line: checked before anything is
   * consumed.
   */
  #checkHeld({ index }: PreparedLayer, units: Uint32Array, slots: Uint32Array, count: number): void {
    const { layer, unit } = this.#slots[index];
    let ahead = 0;
    for (let i = 0; i < count; i++) {
      if (slots[i] !== RING_SLOT) {
        if (slots[i] >= unit.length) throw usage(`layer ${index} has ${unit.length} slots, no slot ${slots[i]}`);
        if (layer[slots[i]] !== index || unit[slots[i]] !== units[i])
          throw usage(`slot ${slots[i]} of layer ${index} was not asked for unit ${units[i]}`);
        continue;
      }
      this.#checkNext(index, units[i], `layer ${index}`, ahead++);
    }
  }

  /** The units of gate and up whose h there is after this call; null where down does not lie apart. */
  #checkApart(prepared: PreparedLayer, call: FeedForwardCall): number | null {
    const { layer, index } = prepared;
    if (layer.downOrientation !== 'apart') return null;
    if (call.weights !== null || call.residentProducts !== null)
      throw usage(`layer ${index} has its down matrix apart, and takes no weights or products`);
    const goesOn = call.accumulate && this.#apart.layer === index && this.#apart.tokens === call.tokens;
    let inputs = goesOn ? this.#apart.inputs : 0;
    for (let i = 0; i < call.count; i++) {
      if (isOutputs(prepared, call.units[i])) {
        if (inputs !== inputBundles(layer)) throw usage('units of down come before all of gate and up');
        break;
      }
      if (call.units[i] !== inputs++) throw usage('units of gate and up must come in order, none left out');
    }
    this.#apart.layer = -1;
    return inputs;
  }

  #fillSlot(prepared: PreparedLayer, slot: number): Uint8Array {
    const { unit, pending } = this.#slots[prepared.index];
    const bytes = this.#bytesOf(prepared, slot);
    if (pending[slot] === 1) {
      const wanted = unit[slot];
      pending[slot] = 0;
      unit[slot] = EMPTY;
      this.#reader.read(prepared, wanted, bytes);
      unit[slot] = wanted;
    }
    return bytes;
  }

  /** The bytes of a slot of a layer, its own or one of the extension. */
  #bytesOf({ index, layer, slotLayout }: PreparedLayer, slot: number): Uint8Array {
    if (slot < layer.slots) return this.#slotBytes(layer.arenaOffset, slotLayout.bytes, slot);
    const offset = this.#extension!.layers[index].arenaOffset + (slot - layer.slots) * slotLayout.bytes;
    return this.#extensionArena.subarray(offset, offset + slotLayout.bytes);
  }

  #fillRingSlot(prepared: PreparedLayer, unit: number): Uint8Array {
    const { arenaOffset, slots, slotBytes, schedule } = this.#ring!;
    const bytes = this.#slotBytes(arenaOffset, slotBytes, this.#next % slots);
    this.#reader.read(prepared, unit, bytes);
    this.#next = (this.#next + 1) % (schedule.length / 2);
    return bytes;
  }

  #slotBytes(arenaOffset: number, slotBytes: number, slot: number): Uint8Array {
    return this.#arena.subarray(arenaOffset + slot * slotBytes, arenaOffset + (slot + 1) * slotBytes);
  }
}

function checkUnit({ index, numUnits }: PreparedLayer, unit: number): void {
  if (unit >= numUnits) throw usage(`layer ${index} has ${numUnits} units, no unit ${unit}`);
}

function checkUnits(prepared: PreparedLayer, units: Uint32Array, slots: Uint32Array, count: number): void {
  if (!isCount(count) || count > units.length || count > slots.length)
    throw usage(`${count} units were announced, ${units.length} units and ${slots.length} slots were passed`);
  for (let i = 0; i < count; i++) {
    checkUnit(prepared, units[i]);
    if (i > 0 && units[i] <= units[i - 1]) throw usage(`units must ascend, but ${units[i]} follows ${units[i - 1]}`);
  }
}

function checkBuffers({ layer, index }: PreparedLayer, call: FeedForwardCall): void {
  const { count, x, tokens, residentProducts, weights, y } = call;
  const { hiddenSize, numNeurons, residentPart } = layer;
  if (!isCount(tokens)) throw usage(`${tokens} is not a number of tokens`);
  if (x.length < tokens * hiddenSize) throw usage(`x holds ${x.length}, not ${tokens} x ${hiddenSize} values`);
  if (y.length < tokens * hiddenSize) throw usage(`y holds ${y.length}, not ${tokens} x ${hiddenSize} values`);
  if (residentPart === null && residentProducts !== null)
    throw usage(`layer ${index} has no resident part; residentProducts must be null`);
  if (residentPart !== null && residentProducts === null)
    throw usage(`layer ${index} needs the products of its ${residentPart} as residentProducts`);
  if (residentProducts !== null && residentProducts.length < tokens * numNeurons)
    throw usage(`residentProducts holds ${residentProducts.length}, not ${tokens} x ${numNeurons} values`);
  if (weights !== null && weights.length < tokens * count)
    throw usage(`weights holds ${weights.length}, not ${tokens} x ${count} values`);
}
