import { afterAll, describe, expect, it } from 'vitest';
import type { ConvolutionCall, RecurrenceCall } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { openTwin } from '../../dist/native-bridge/twin/index.js';

const twin = openTwin(1);
const one = openBridge({ threads: 1 });
const many = openBridge({ threads: 3 });
afterAll(() => {
  for (const bridge of [twin, one, many]) bridge.dispose();
});

/** Numbers from -1 to 1. */
const numbers = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i * i));

const RECURRENCES = [
  { heads: 6, keyHeads: 2, keyDim: 32, valueDim: 32, tiled: true, delta: true },
  { heads: 4, keyHeads: 4, keyDim: 128, valueDim: 128, tiled: false, delta: true },
  { heads: 6, keyHeads: 3, keyDim: 16, valueDim: 20, tiled: false, delta: false },
  { heads: 2, keyHeads: 1, keyDim: 7, valueDim: 3, tiled: false, delta: true },
];

function recurrence(shape: (typeof RECURRENCES)[number], tokens: number): RecurrenceCall {
  const { heads, keyHeads, keyDim, valueDim } = shape;
  const [keys, values] = [keyHeads * keyDim, heads * valueDim];
  const stride = 2 * keys + values + 1;
  const state = 5 + heads * keyDim * valueDim;
  return {
    ...shape,
    ...{ from: numbers(state, 1), to: new Float32Array(state), stateAt: 5, tokens, first: 2, stride },
    inputs: numbers((tokens + 2) * stride, 2).map((x) => x / Math.sqrt(keyDim)),
    ...{ queriesAt: 0, keysAt: keys, valuesAt: 2 * keys },
    decays: numbers(tokens * heads, 3).map((x) => 0.6 + 0.4 * x),
    weights: numbers(tokens * heads, 4).map((x) => 0.5 + 0.5 * x),
    out: new Float32Array(tokens * values),
  };
}

const fresh = (call: RecurrenceCall): RecurrenceCall => ({
  ...call,
  to: new Float32Array(call.to.length),
  out: call.out && new Float32Array(call.out.length),
});

function near(ours: Float32Array, theirs: Float32Array, from = 0): void {
  expect(ours.length).toBe(theirs.length);
  for (let i = from; i < ours.length; i++) expect(Math.abs(ours[i] - theirs[i])).toBeLessThan(2e-5);
}

describe.each(RECURRENCES)('a recurrence of $heads heads of $keyDim x $valueDim', (shape) => {
  it('is that of the twin, whatever the threads, and token by token', () => {
    const call = recurrence(shape, 9);
    const [expected, ours, threaded] = [fresh(call), fresh(call), fresh(call)];
    twin.recur(expected);
    one.recur(ours);
    many.recur(threaded);
    near(ours.out!, expected.out!);
    near(ours.to, expected.to, 5);
    expect(threaded.out).toEqual(ours.out);
    expect(threaded.to).toEqual(ours.to);

    // In place, a token a call.
    const state = call.from.slice();
    const row = new Float32Array(shape.heads * shape.valueDim);
    for (let token = 0; token < 9; token++) {
      const at = token * shape.heads;
      const [decays, weights] = [call.decays.subarray(at), call.weights.subarray(at)];
      many.recur({ ...call, from: state, to: state, tokens: 1, first: 2 + token, decays, weights, out: row });
      expect(row).toEqual(ours.out!.slice(token * row.length, (token + 1) * row.length));
    }
    expect(state.slice(5)).toEqual(ours.to.slice(5));
  });

  it('makes the state alone where no output is wanted, and leaves the state before as it was', () => {
    const call = recurrence(shape, 4);
    const before = call.from.slice();
    const [whole, alone] = [fresh(call), { ...fresh(call), out: null }];
    one.recur(whole);
    one.recur(alone);
    expect(alone.to).toEqual(whole.to);
    expect(call.from).toEqual(before);
  });

  it('refuses arrays that are too short', () => {
    const call = recurrence(shape, 4);
    for (const bridge of [one, twin])
      for (const short of ['from', 'to', 'inputs'] as const)
        expect(() => bridge.recur({ ...call, [short]: call[short].slice(0, 6) })).toThrow(/holds 6/);
    expect(() => one.recur({ ...call, keyHeads: shape.heads + 1 })).toThrow(/divide/);
  });
});

describe.each([true, false])('a convolution (SiLU: %s)', (silu) => {
  const [channels, kernel, tokens, stride] = [70, 4, 9, 75];
  const call = (): ConvolutionCall => ({
    ...{ from: numbers((kernel - 1) * channels, 5), to: new Float32Array((kernel - 1) * channels), tokens, channels },
    ...{ kernel, inputs: numbers((tokens + 1) * stride, 6), stride, first: 1, silu },
    ...{ weights: numbers(kernel * channels, 7), bias: numbers(channels, 8), out: new Float32Array(tokens * channels) },
  });

  it('is that of the twin, whatever the threads, and token by token', () => {
    const [expected, ours, threaded, single] = [call(), call(), call(), call()];
    twin.convolve(expected);
    one.convolve(ours);
    many.convolve(threaded);
    near(ours.out!, expected.out!);
    near(ours.to, expected.to);
    expect(threaded.out).toEqual(ours.out);
    for (let token = 0; token < tokens; token++) {
      const out = new Float32Array(channels);
      one.convolve({ ...single, to: single.from, tokens: 1, first: 1 + token, out });
      expect(out).toEqual(ours.out!.slice(token * channels, (token + 1) * channels));
    }
    expect(single.from).toEqual(ours.to);
  });
});
