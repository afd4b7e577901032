import { describe, expect, it } from 'vitest';
import { RecurrentState } from '../../dist/src/mixers/recurrent-state.js';
import { SNAPSHOTS, STEPS_KEPT } from '../../dist/src/mixers/state-size.js';

/** A state that spells its tokens: [their sum, their number, a polynomial of them in order]. */
const advance = (inputs: Float32Array, tokens: number, from: Float32Array, to: Float32Array) => {
  let [sum, count, order] = from;
  for (let t = 0; t < tokens; t++) {
    sum += inputs[t];
    count += 1;
    order = (order * 31 + inputs[t]) % 8191;
  }
  to.set([sum, count, order]);
};

const SIZES = [
  { stateFloats: 3, inputWidth: 1 },
  { stateFloats: 3, inputWidth: 1 },
];

class Machine {
  readonly state = new RecurrentState(SIZES, (_layer, inputs, tokens, from, to) => advance(inputs, tokens, from, to));
  tokens: number[] = [];

  /** Runs a pass; `broken` leaves it before the second layer. */
  pass(tokens: number[], { mark = false, broken = false } = {}): void {
    const { state } = this;
    state.begin(tokens.length, mark);
    for (let layer = 0; layer < (broken ? 1 : 2); layer++) {
      const inputs = Float32Array.from(tokens, (token) => token + layer);
      state.keep(layer, inputs, 0, tokens.length);
      const marked = state.mark(layer);
      const before = marked ? Math.max(0, tokens.length - STEPS_KEPT) : 0;
      if (marked) advance(inputs, before, state.from(layer), marked);
      advance(inputs.subarray(before), tokens.length - before, marked ?? state.from(layer), state.to(layer));
    }
    if (broken) return;
    state.end(tokens.length);
    this.tokens.push(...tokens);
  }

  restore(length: number): number {
    const reached = this.state.restore(length);
    this.tokens.length = reached;
    return reached;
  }

  /** What a machine that only ever saw these tokens holds. */
  check(): void {
    expect(this.state.length).toBe(this.tokens.length);
    for (let layer = 0; layer < 2; layer++) {
      const expected = new Float32Array(3);
      advance(
        Float32Array.from(this.tokens, (token) => token + layer),
        this.tokens.length,
        new Float32Array(3),
        expected,
      );
      expect(this.state.from(layer)).toEqual(expected);
    }
  }
}

const numbers = (count: number, first = 1) => Array.from({ length: count }, (_, i) => ((first + i) * 7) % 101);

describe('a state of fixed size', () => {
  it('goes back to any token of a short pass, from the inputs of that pass', () => {
    for (let length = 20; length <= 26; length++) {
      const machine = new Machine();
      machine.pass(numbers(20));
      machine.pass(numbers(6, 50));
      expect(machine.restore(length)).toBe(length);
      machine.check();
      machine.pass(numbers(3, 70));
      machine.check();
    }
  });

  it('goes back to any of the last tokens of a marked pass, after many others', () => {
    for (let length = 40 - STEPS_KEPT; length <= 40; length++) {
      const machine = new Machine();
      machine.pass(numbers(40), { mark: true });
      for (let i = 0; i < 30; i++) machine.pass(numbers(1, i));
      expect(machine.restore(length)).toBe(length);
      machine.check();
    }
  });

  it('goes back to where a snapshot was taken, and to the nearest one before', () => {
    const machine = new Machine();
    machine.pass(numbers(11));
    machine.state.snapshot();
    machine.pass(numbers(30, 5));
    machine.pass(numbers(1));
    expect(machine.restore(25)).toBe(11);
    machine.check();
    expect(machine.restore(10)).toBe(0);
    machine.check();
  });

  it('holds what it held before a pass that broke off, inside the first layer or after the last one', () => {
    for (const mark of [false, true]) {
      const machine = new Machine();
      machine.pass(numbers(20), { mark: true });
      machine.pass(numbers(1, 3));
      machine.pass(numbers(12, 30), { mark, broken: true });
      expect(machine.restore(21)).toBe(21);
      machine.check();
      machine.pass(numbers(300, 30), { mark });
      expect(machine.restore(21)).toBe(21);
      machine.check();
      expect(machine.restore(17)).toBe(17);
      machine.check();
    }
  });

  it('keeps what it kept where the end of a prompt is told again', () => {
    const machine = new Machine();
    machine.pass(numbers(20), { mark: true });
    for (const last of [19, 18, 19, 15]) {
      expect(machine.restore(last)).toBe(last);
      machine.pass(numbers(20 - last, 40 + last), { mark: true });
      machine.check();
    }
    expect(machine.restore(13)).toBe(13);
    machine.check();
  });

  it('forgets snapshots of tokens that are gone', () => {
    const machine = new Machine();
    machine.pass(numbers(10), { mark: true });
    machine.pass(numbers(10, 30), { mark: true });
    expect(machine.restore(12)).toBe(12);
    machine.pass(numbers(9, 60));
    machine.pass(numbers(9, 80));
    expect(machine.restore(19)).toBe(12);
    machine.check();
  });

  it('goes on as another one would, once it is a copy of it, and changes nothing there', () => {
    const machine = new Machine();
    machine.pass(numbers(30), { mark: true });
    machine.pass(numbers(5, 3));
    const copy = new Machine();
    copy.pass(numbers(7, 90), { mark: true });
    copy.state.copy(machine.state);
    copy.tokens = [...machine.tokens];
    copy.check();
    expect(copy.restore(33)).toBe(33);
    copy.pass(numbers(9, 60));
    copy.check();
    expect(copy.restore(26)).toBe(26);
    copy.check();
    machine.check();
    expect(machine.restore(34)).toBe(34);
    machine.check();
  });

  it('is read again as it was written, and from nothing else', () => {
    const machine = new Machine();
    machine.pass(numbers(30), { mark: true });
    machine.pass(numbers(5, 3));
    const parts: Uint8Array[] = [];
    machine.state.save((bytes) => parts.push(bytes.slice()));
    const reader = (written: Uint8Array[]) => {
      const left = [...written];
      return (into: Uint8Array) => into.set(left.shift()!.subarray(0, into.length));
    };
    // The number of copies is read first, and then their lengths.
    const whole = [parts[0].slice(0, 4), parts[0].slice(4), ...parts.slice(1)];
    const other = new Machine();
    other.pass(numbers(50, 9), { mark: true });
    expect(other.state.load(35, reader(whole))).toBe(true);
    other.tokens = [...machine.tokens];
    other.check();
    expect(other.restore(33)).toBe(33);
    other.check();
    expect(other.restore(25)).toBe(25);
    other.check();
    expect(new Machine().state.load(34, reader(whole))).toBe(false);
    const many = new Uint8Array(Int32Array.of(9).buffer);
    expect(new Machine().state.load(35, reader([many, ...whole.slice(1)]))).toBe(false);
  });

  it('takes no more memory than it did at first, whatever was kept', () => {
    const machine = new Machine();
    for (let turn = 0; turn < 20; turn++) {
      machine.state.snapshot();
      machine.pass(numbers(15, turn), { mark: true });
      for (let i = 0; i < 5; i++) machine.pass(numbers(1, i));
      machine.restore(machine.state.length - 2);
    }
    expect(machine.state.bytes).toBe((2 + SNAPSHOTS) * 2 * 4 * (3 + STEPS_KEPT));
    machine.check();
  });
});
