import { type LayerSizes, SNAPSHOTS, STEPS_KEPT } from './state-size.js';

/** Replays inputs that were kept: takes `tokens` tokens of a layer from one state to another. */
export type Replay = (
  layer: number,
  inputs: Float32Array,
  tokens: number,
  from: Float32Array,
  to: Float32Array,
) => void;

/** The state of all layers after `length` tokens, and the inputs of up to `STEPS_KEPT` tokens that came after. */
interface Point {
  /** -1 while it holds nothing. */
  length: number;
  /** Tokens whose inputs are kept. The state can be taken to `length` + any number up to this. */
  steps: number;
  /** One array for each layer. */
  states: Float32Array[];
  /** [STEPS_KEPT, inputWidth] for each layer. */
  inputs: Float32Array[];
}

/**
 * The state of all layers whose mixer overwrites it. A pass reads the present state and writes the next one, so that
 * the one before it is still there when the pass breaks off, and until the next pass begins. Besides, up to `SNAPSHOTS`
 * earlier states are kept. With each goes what the tokens after it brought, so that one state stands for a run of
 * lengths.
 */
export class RecurrentState {
  readonly #sizes: readonly LayerSizes[];
  readonly #replay: Replay;
  /** The state now. Its own inputs are not used. */
  #present: Point;
  /** The state before the last pass, with that pass's inputs if it was short. While a pass runs, it is written to. */
  #before: Point;
  /** The oldest first. */
  readonly #snapshots: Point[] = [];
  /** A snapshot that the pass that is running writes; null without one. */
  #marked: Point | null = null;
  /** A snapshot that reaches to where the running pass begins, and has room for its inputs; null without one. */
  #extended: Point | null = null;

  constructor(sizes: readonly LayerSizes[], replay: Replay) {
    this.#sizes = sizes;
    this.#replay = replay;
    this.#present = this.#point();
    this.#before = this.#point();
    this.#present.length = 0;
  }

  /** Bytes held now. */
  get bytes(): number {
    const points = [this.#present, this.#before, ...this.#snapshots, ...(this.#marked ? [this.#marked] : [])];
    return points.reduce((sum, { states, inputs }) => sum + bytesOf(states) + bytesOf(inputs), 0);
  }

  /** Tokens that the state holds. */
  get length(): number {
    return this.#present.length;
  }

  /** Begins a pass of `tokens`; with `mark`, a later rewind can stop inside of it, at any of its last tokens. */
  begin(tokens: number, mark: boolean): void {
    this.#before.length = -1;
    if (!mark) return;
    const { length } = this.#present;
    const hasRoom = (point: Point) => reach(point, length) === length && point.steps + tokens <= STEPS_KEPT;
    this.#extended = this.#snapshots.find(hasRoom) ?? null;
    if (!this.#extended) this.#marked = this.#freed();
  }

  /** The state of a layer that the pass reads. */
  from(layer: number): Float32Array {
    return this.#present.states[layer];
  }

  /** The state of a layer that the pass writes. */
  to(layer: number): Float32Array {
    return this.#before.states[layer];
  }

  /** The snapshot that the pass writes on its way, before its last `STEPS_KEPT` tokens; null where it writes none. */
  mark(layer: number): Float32Array | null {
    return this.#marked?.states[layer] ?? null;
  }

  /**
   * Keeps the last of a layer's inputs for rewinds: of `tokens` rows of inputs[.., inputWidth], from row `first` on.
   */
  keep(layer: number, inputs: Float32Array, first: number, tokens: number): void {
    const { inputWidth } = this.#sizes[layer];
    const kept = Math.min(tokens, STEPS_KEPT);
    const last = inputs.subarray((first + tokens - kept) * inputWidth, (first + tokens) * inputWidth);
    // The present state becomes the one before, and takes these inputs with it.
    if (tokens <= STEPS_KEPT) this.#present.inputs[layer].set(last);
    this.#marked?.inputs[layer].set(last);
    this.#extended?.inputs[layer].set(last, this.#extended.steps * inputWidth);
  }

  /** Ends a pass of `tokens` tokens. */
  end(tokens: number): void {
    const before = this.#present;
    this.#present = this.#before;
    this.#before = before;
    this.#present.length = before.length + tokens;
    before.steps = tokens <= STEPS_KEPT ? tokens : 0;
    if (this.#extended) this.#extended.steps += tokens;
    this.#extended = null;
    if (!this.#marked) return;
    this.#marked.steps = Math.min(tokens, STEPS_KEPT);
    this.#marked.length = this.#present.length - this.#marked.steps;
    this.#snapshots.push(this.#marked);
    this.#marked = null;
  }

  /** Keeps a copy of the state as it is now, unless there is one. */
  snapshot(): void {
    const { length, states } = this.#present;
    if (length === 0 || this.#snapshots.some((point) => reach(point, length) === length)) return;
    const copy = this.#freed();
    copy.length = length;
    copy.steps = 0;
    for (const [layer, state] of states.entries()) copy.states[layer].set(state);
    this.#snapshots.push(copy);
  }

  /** Becomes what another one is, its snapshots included. */
  copy(from: RecurrentState): void {
    this.#marked = null;
    this.#extended = null;
    while (this.#snapshots.length < from.#snapshots.length) this.#snapshots.push(this.#point());
    // A copy of fewer snapshots keeps the room that it had.
    for (const point of this.#snapshots) point.length = -1;
    copyPoint(from.#present, this.#present);
    copyPoint(from.#before, this.#before);
    for (const [i, point] of from.#snapshots.entries()) copyPoint(point, this.#snapshots[i]);
  }

  /** Writes all that it holds. */
  save(write: (bytes: Uint8Array) => void): void {
    const points = [this.#present, this.#before, ...this.#snapshots];
    write(bytesIn(Int32Array.from([points.length, ...points.flatMap(({ length, steps }) => [length, steps])])));
    for (const { states, inputs } of points) for (const array of [...states, ...inputs]) write(bytesIn(array));
  }

  /** Reads what `save` wrote after `length` tokens; false where that is something else. */
  load(length: number, read: (into: Uint8Array) => void): boolean {
    const [count] = readIntegers(1, read);
    if (count < 2 || count > 2 + SNAPSHOTS) return false;
    const lengths = readIntegers(2 * count, read);
    while (this.#snapshots.length < count - 2) this.#snapshots.push(this.#point());
    for (const point of this.#snapshots) point.length = -1;
    const points = [this.#present, this.#before, ...this.#snapshots].slice(0, count);
    for (const [i, point] of points.entries()) {
      [point.length, point.steps] = lengths.subarray(2 * i, 2 * i + 2);
      const isSound = point.steps >= 0 && point.steps <= STEPS_KEPT && point.length >= -1;
      if (!isSound || (point.length >= 0 && point.length + point.steps > length + (i === 0 ? STEPS_KEPT : 0)))
        return false;
      for (const array of [...point.states, ...point.inputs]) read(bytesIn(array));
    }
    return this.#present.length === length;
  }

  /**
   * Takes the state back to `length` tokens, or to the nearest shorter length that it can return to, which it returns.
   * A pass that is running is forgotten.
   */
  restore(length: number): number {
    if (this.#marked) this.#snapshots.unshift(this.#marked);
    this.#marked = null;
    this.#extended = null;
    if (length < this.#present.length) {
      const reached = this.#return(length);
      this.#present.length = reached;
    }
    const { length: now } = this.#present;
    // What lies beyond belongs to tokens that are gone.
    for (const point of [this.#before, ...this.#snapshots]) {
      if (point.length > now) point.length = -1;
      point.steps = Math.min(point.steps, now - point.length);
    }
    return now;
  }

  /** Makes the present state that of `length` tokens or fewer, and returns how many. */
  #return(length: number): number {
    let best: Point | null = null;
    for (const point of [this.#before, ...this.#snapshots])
      if (reach(point, length) > (best ? reach(best, length) : 0)) best = point;
    if (best === null) {
      for (const state of this.#present.states) state.fill(0);
      return 0;
    }
    const reached = reach(best, length);
    const steps = reached - best.length;
    best.states.forEach((from, layer) => {
      const to = this.#present.states[layer];
      if (steps === 0) to.set(from);
      else this.#replay(layer, best.inputs[layer], steps, from, to);
    });
    return reached;
  }

  /** A place for a snapshot that holds nothing: an empty one, a new one, or that of the oldest. */
  #freed(): Point {
    const empty = this.#snapshots.findIndex(({ length }) => length < 0);
    if (empty < 0 && this.#snapshots.length < SNAPSHOTS) return this.#point();
    const [point] = this.#snapshots.splice(Math.max(0, empty), 1);
    point.length = -1;
    return point;
  }

  #point(): Point {
    return {
      length: -1,
      steps: 0,
      states: this.#sizes.map(({ stateFloats }) => new Float32Array(stateFloats)),
      inputs: this.#sizes.map(({ inputWidth }) => new Float32Array(STEPS_KEPT * inputWidth)),
    };
  }
}

const bytesIn = ({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

function readIntegers(count: number, read: (into: Uint8Array) => void): Int32Array {
  const integers = new Int32Array(count);
  read(bytesIn(integers));
  return integers;
}

function copyPoint(from: Point, to: Point): void {
  to.length = from.length;
  to.steps = from.steps;
  for (const [layer, state] of from.states.entries()) to.states[layer].set(state);
  for (const [layer, inputs] of from.inputs.entries()) to.inputs[layer].set(inputs);
}

/** The largest length up to `length` that a point leads to; 0 where it leads to none. */
const reach = ({ length: from, steps }: Point, length: number): number =>
  from < 0 || from > length ? 0 : Math.min(length, from + steps);

const bytesOf = (arrays: readonly Float32Array[]) => arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
